// Which files of a hub's model to fetch. The listing is a stranger's text.
#include <algorithm>
#include <array>
#include <limits>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/model/hub.h"

namespace bantam {
namespace {

constexpr std::size_t kMaxFiles = 10000;

// Everything of an HF folder that Bantam reads or passes on.
constexpr std::array<std::string_view, 8> kSmallFiles = {
    "config.json", "generation_config.json",  "tokenizer.json",      "tokenizer_config.json",
    "vocab.json",  "special_tokens_map.json", "chat_template.jinja", "added_tokens.json"};

// Of several GGUF files, the first of these is taken: small, and good for its size.
constexpr std::array<std::string_view, 8> kTypes = {"q4_k_m", "q4_k_s", "q4_1", "q4_0",
                                                    "q8_0",   "q6_k",   "f16",  "bf16"};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// A name that parse_hub_name() takes as a file: plain, in no subfolder, of an allowed suffix.
bool is_wanted(const std::string& name) {
  try {
    return name.find('/') == std::string::npos && parse_hub_name("a/b:" + name).has_value();
  } catch (const Error&) {
    return false;
  }
}

std::uint64_t size_in(const Json& entry) {
  const auto size = entry.find("size");
  return size != entry.end() && size->is_number_unsigned() ? size->get<std::uint64_t>() : 0;
}

std::string hash_in(const Json& entry) {
  const auto lfs = entry.find("lfs");
  if (lfs == entry.end() || !lfs->is_object()) return "";
  for (const char* key : {"sha256", "oid"}) {
    const auto hash = lfs->find(key);
    if (hash != lfs->end() && hash->is_string()) {
      const auto& text = hash->get_ref<const std::string&>();
      if (text.size() == 64) return lower(text);
    }
  }
  return "";
}

std::string names_of(std::span<const HubFile> files) {
  std::string names;
  for (const HubFile& file : files.first(std::min<std::size_t>(files.size(), 20)))
    names += (names.empty() ? "" : ", ") + escaped(file.name);
  return names.empty() ? "none" : names;
}

std::vector<HubFile> folder_files(std::span<const HubFile> listing) {
  std::vector<HubFile> files;
  for (const HubFile& file : listing) {
    const bool weights =
        file.name.ends_with(".safetensors") || file.name == "model.safetensors.index.json";
    const bool small =
        std::find(kSmallFiles.begin(), kSmallFiles.end(), file.name) != kSmallFiles.end();
    if (weights || small) files.push_back(file);
  }
  return files;
}

}  // namespace

std::vector<HubFile> parse_hub_listing(std::string_view json_text, std::string_view where) {
  Json json;
  try {
    json = parse_json(json_text);
  } catch (const Error& problem) {
    throw Error(Error::Kind::network, fmt::format("{}: {}", where, problem.what()));
  }
  const auto siblings = json.is_object() ? json.find("siblings") : json.end();
  if (!json.is_object() || siblings == json.end() || !siblings->is_array() ||
      siblings->size() > kMaxFiles) {
    throw Error(Error::Kind::network,
                fmt::format("{}: expected a listing of at most {} files", where, kMaxFiles));
  }
  std::vector<HubFile> files;
  for (const Json& entry : *siblings) {
    const auto name = entry.is_object() ? entry.find("rfilename") : entry.end();
    if (!entry.is_object() || name == entry.end() || !name->is_string()) continue;
    HubFile file{name->get<std::string>(), size_in(entry), hash_in(entry)};
    if (is_wanted(file.name)) files.push_back(std::move(file));
  }
  return files;
}

std::vector<HubFile> files_to_pull(std::span<const HubFile> listing, const HubName& name) {
  const auto named = [&](std::string_view wanted) {
    return std::find_if(listing.begin(), listing.end(),
                        [&](const HubFile& file) { return file.name == wanted; });
  };
  if (!name.file.empty()) {
    const auto found = named(name.file);
    if (found != listing.end()) return {*found};
    throw input_error("{}: no file '{}'; there are: {}", name.text(), escaped(name.file),
                      names_of(listing));
  }
  const bool has_weights = std::any_of(listing.begin(), listing.end(), [](const HubFile& file) {
    return file.name.ends_with(".safetensors");
  });
  if (has_weights &&
      (named("config.json") != listing.end() || named("adapter_config.json") != listing.end())) {
    auto files = folder_files(listing);
    if (const auto adapter = named("adapter_config.json"); adapter != listing.end())
      files.push_back(*adapter);
    return files;
  }
  std::vector<HubFile> gguf;
  for (const HubFile& file : listing)
    if (file.name.ends_with(".gguf")) gguf.push_back(file);
  for (const std::string_view type : kTypes)
    for (const HubFile& file : gguf)
      if (lower(file.name).find(type) != std::string::npos) return {file};
  if (gguf.size() == 1) return gguf;
  throw input_error(
      "{}: expected config.json with .safetensors files, or a .gguf file; name one with :FILE; "
      "there are: {}",
      name.text(), names_of(listing));
}

}  // namespace bantam
