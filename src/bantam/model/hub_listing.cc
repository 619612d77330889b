#include "bantam/model/hub_listing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "bantam/base/error.h"
#include "bantam/base/json.h"

namespace bantam {
namespace {

constexpr std::size_t kMaxFiles = 10000;
constexpr std::size_t kMostNamed = 20;

// Everything beside the weights of an HF folder that Bantam reads or passes on.
constexpr std::array<std::string_view, 22> kSmallFiles = {
    "config.json", "generation_config.json", "quantize_config.json", "adapter_config.json",
    // tokenizers
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "source.spm", "target.spm", "target_vocab.json",
    // what is said
    "chat_template.jinja", "chat_template.json",
    // sentence-transformers
    "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"};

// Of several GGUF files, the first of these is taken: small, and good for its size.
constexpr std::array<std::string_view, 8> kTypes = {"q4_k_m", "q4_k_s", "q4_1", "q4_0",
                                                    "q8_0",   "q6_k",   "f16",  "bf16"};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// What is worth fetching or worth a word in a message.
bool is_wanted(std::string_view name) {
  return is_plain_file_name(name) && (has_model_suffix(name) || has_pickle_suffix(name));
}

std::string text_in(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t size_in(const Json& entry) {
  const auto size = entry.find("size");
  return size != entry.end() && size->is_number_unsigned() ? size->get<std::uint64_t>() : 0;
}

// "" unless it has the form of one: it becomes a file's name.
std::string sha256_in(const Json& entry, const char* key) {
  const std::string hash = lower(text_in(entry, key));
  return is_sha256(hash) ? hash : "";
}

HubFile read_entry(const Json& entry) {
  HubFile file{text_in(entry, "rfilename"), size_in(entry)};
  const auto lfs = entry.find("lfs");
  if (lfs != entry.end() && lfs->is_object()) {
    file.sha256 = sha256_in(*lfs, "sha256");
    if (file.sha256.empty()) file.sha256 = sha256_in(*lfs, "oid");
  } else {
    file.git_sha1 = lower(text_in(entry, "blobId"));  // of a large file, that of its pointer
    if (!is_sha1(file.git_sha1)) file.git_sha1.clear();
  }
  return file;
}

const HubFile* named(std::span<const HubFile> listing, std::string_view name) {
  const auto found = std::find_if(listing.begin(), listing.end(),
                                  [&](const HubFile& file) { return file.name == name; });
  return found == listing.end() ? nullptr : &*found;
}

std::string names_of(std::span<const HubFile> files) {
  std::string names;
  for (const HubFile& file : files.first(std::min(files.size(), kMostNamed)))
    names += (names.empty() ? "" : ", ") + escaped(file.name);
  if (files.size() > kMostNamed) names += fmt::format(" and {} more", files.size() - kMostNamed);
  return names.empty() ? "none" : names;
}

std::string_view folder_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? "" : name.substr(0, slash);
}
std::string_view base_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

// "name-00001-of-00003.gguf" -> "name-"; nothing for a file that is no part of a set.
std::optional<std::string_view> set_of(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  const std::size_t of = name.rfind("-of-");
  if (of == std::string_view::npos || of < 6 || name[of - 6] != '-') return std::nullopt;
  const auto is_number = [](std::string_view digits) {
    return digits.size() == 5 &&
           std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!is_number(name.substr(of - 5, 5)) || !is_number(name.substr(of + 4))) return std::nullopt;
  return name.substr(0, of - 5);
}

// The file, or all parts of the set that it belongs to, in their order.
std::vector<HubFile> with_parts(std::span<const HubFile> listing, const HubFile& file) {
  const auto set = set_of(file.name, ".gguf");
  if (!set) return {file};
  const std::string_view end = std::string_view(file.name).substr(file.name.rfind("-of-"));
  std::size_t count = 0;
  std::from_chars(end.data() + 4, end.data() + 9, count);
  std::vector<HubFile> parts;
  for (const HubFile& other : listing)
    if (set_of(other.name, ".gguf") == set && other.name.ends_with(end)) parts.push_back(other);
  std::sort(parts.begin(), parts.end(),
            [](const HubFile& a, const HubFile& b) { return a.name < b.name; });
  if (parts.size() == count) return parts;
  throw input_error("{}: is one of {} parts, but there are only {} of them", escaped(file.name),
                    count, parts.size());
}

std::vector<HubFile> gguf_models(std::span<const HubFile> listing) {
  std::vector<HubFile> files;
  for (const HubFile& file : listing)
    if (is_model_file(file)) files.push_back(file);
  return files;
}

bool is_word_end(std::string_view text, std::size_t at) {
  return at >= text.size() || text[at] == '.' || text[at] == '-' || text[at] == '/';
}

// "Q4_K" is not "Q4_K_M", "f16" not "bf16": the type stands between dots, dashes or slashes.
bool has_type(const HubFile& file, const std::string& type) {
  const std::string name = lower(file.name);
  for (std::size_t at = name.find(type); at != std::string::npos; at = name.find(type, at + 1)) {
    const bool begins = at == 0 || name[at - 1] == '_' || is_word_end(name, at - 1);
    if (begins && is_word_end(name, at + type.size())) return true;
  }
  return false;
}

const HubFile* of_type(std::span<const HubFile> files, const std::string& type) {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const HubFile& file) { return has_type(file, type); });
  return found == files.end() ? nullptr : &*found;
}

bool is_small_file(const HubFile& file) {
  if (std::find(kSmallFiles.begin(), kSmallFiles.end(), file.name) != kSmallFiles.end())
    return true;
  return folder_of(file.name) == "additional_chat_templates" && file.name.ends_with(".jinja");
}

// "1_Pooling/config.json", "2_Dense/model.safetensors": the modules of sentence-transformers.
bool is_module_file(const HubFile& file) {
  const std::string_view folder = folder_of(file.name);
  const std::size_t underscore = folder.find('_');
  if (underscore == 0 || underscore == std::string_view::npos) return false;
  const std::string_view number = folder.substr(0, underscore);
  return std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         (base_of(file.name) == "config.json" || file.name.ends_with(".safetensors"));
}

// Which files hold the weights. A repository may hold them twice, as model.safetensors and under
// another name (consolidated.safetensors, model.fp16.safetensors): one set is enough.
std::vector<HubFile> weight_files(std::span<const HubFile> listing) {
  if (const HubFile* whole = named(listing, "model.safetensors")) return {*whole};
  std::vector<HubFile> files;
  const HubFile* index = named(listing, "model.safetensors.index.json");
  for (const HubFile& file : listing) {
    if (!file.name.ends_with(".safetensors") || !folder_of(file.name).empty()) continue;
    if (index != nullptr && set_of(file.name, ".safetensors") != "model-") continue;
    files.push_back(file);
  }
  if (index != nullptr) files.push_back(*index);
  return files;
}

std::vector<HubFile> folder_files(std::span<const HubFile> listing) {
  std::vector<HubFile> files;
  const bool sentences = named(listing, "modules.json") != nullptr;
  for (const HubFile& file : listing)
    if (is_small_file(file) || (sentences && is_module_file(file))) files.push_back(file);
  const auto weights = weight_files(listing);
  files.insert(files.end(), weights.begin(), weights.end());
  return files;
}

std::vector<HubFile> gguf_to_pull(std::span<const HubFile> listing, const HubName& name) {
  const auto models = gguf_models(listing);
  if (!name.quantization.empty()) {
    if (const HubFile* file = of_type(models, lower(name.quantization)))
      return with_parts(listing, *file);
    throw input_error("{}: no GGUF file of type {}; there are: {}", name.text(),
                      escaped(name.quantization), names_of(models));
  }
  for (const std::string_view type : kTypes)
    if (const HubFile* file = of_type(models, std::string(type))) return with_parts(listing, *file);
  if (models.size() == 1) return with_parts(listing, models[0]);
  return {};
}

[[noreturn]] void throw_nothing_to_pull(std::span<const HubFile> listing, const HubName& name) {
  const auto pickled = std::find_if(listing.begin(), listing.end(), [](const HubFile& file) {
    return has_pickle_suffix(file.name);
  });
  const bool weights = std::any_of(listing.begin(), listing.end(), [](const HubFile& file) {
    return file.name.ends_with(".gguf") || file.name.ends_with(".safetensors");
  });
  if (pickled != listing.end() && !weights) {
    throw input_error(
        "{}: has its weights only as a pickled checkpoint ({}), and reading one can run any code "
        "it holds, so it is not fetched; look for a version with .safetensors or .gguf files "
        "(often a pull request of the same model, @refs/pr/NUMBER, holds one)",
        name.text(), escaped(pickled->name));
  }
  throw input_error(
      "{}: expected config.json with .safetensors files, or a .gguf file; name one with :FILE; "
      "there are: {}",
      name.text(), names_of(listing));
}

}  // namespace

bool is_model_file(const HubFile& file) {
  const std::string name = lower(file.name);
  if (!name.ends_with(".gguf") || name.find("mmproj") != std::string::npos ||
      name.find("imatrix") != std::string::npos) {
    return false;
  }
  return !set_of(name, ".gguf") || name.find("-00001-of-") != std::string::npos;
}

HubListing parse_hub_listing(std::string_view json_text, std::string_view where) {
  Json json;
  try {
    json = parse_json(json_text);
  } catch (const Error& problem) {
    const bool page = json_text.find('<') == json_text.find_first_not_of(" \t\r\n");
    throw Error(Error::Kind::network,
                fmt::format("{}: expected the hub's listing of a model, found {}; is HF_ENDPOINT "
                            "right, or does a page of this network answer instead?",
                            where, page ? "a web page" : problem.what()));
  }
  const auto siblings = json.is_object() ? json.find("siblings") : json.end();
  if (!json.is_object() || siblings == json.end() || !siblings->is_array() ||
      siblings->size() > kMaxFiles) {
    throw Error(Error::Kind::network,
                fmt::format("{}: expected a listing of at most {} files", where, kMaxFiles));
  }
  HubListing listing;
  listing.commit = lower(text_in(json, "sha"));
  if (!is_sha1(listing.commit)) {
    throw Error(Error::Kind::network,
                fmt::format("{}: expected the commit of the revision ('sha', 40 hexadecimal "
                            "digits), found '{}'",
                            where, escaped(listing.commit)));
  }
  for (const Json& entry : *siblings) {
    if (!entry.is_object()) continue;
    HubFile file = read_entry(entry);
    if (is_wanted(file.name)) listing.files.push_back(std::move(file));
  }
  return listing;
}

std::vector<HubFile> files_to_pull(std::span<const HubFile> listing, const HubName& name) {
  if (!name.file.empty()) {
    if (const HubFile* file = named(listing, name.file)) return with_parts(listing, *file);
    throw input_error("{}: no file '{}'; there are: {}", name.text(), escaped(name.file),
                      names_of(listing));
  }
  const bool folder =
      named(listing, "config.json") != nullptr || named(listing, "adapter_config.json") != nullptr;
  if (folder && name.quantization.empty() && !weight_files(listing).empty())
    return folder_files(listing);
  auto files = gguf_to_pull(listing, name);
  if (files.empty()) throw_nothing_to_pull(listing, name);
  return files;
}

}  // namespace bantam
