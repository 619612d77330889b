#include "bantam/model/hub_name.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr std::array<std::string_view, 7> kModelSuffixes = {
    ".gguf", ".safetensors", ".json", ".txt", ".jinja", ".model", ".spm"};
constexpr std::array<std::string_view, 6> kPickleSuffixes = {".bin",  ".pt",  ".pth",
                                                             ".ckpt", ".pkl", ".pickle"};
constexpr std::size_t kMaxPartBytes = 128;
constexpr std::size_t kMaxParts = 4;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_hexadecimal(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

// What Windows keeps for devices, with any suffix: a cache may lie on a disk that it reads too.
bool is_device_name(std::string_view part) {
  std::string stem(part.substr(0, part.find('.')));
  for (char& c : stem)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (stem == "con" || stem == "prn" || stem == "aux" || stem == "nul") return true;
  return stem.size() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) &&
         is_digit(stem[3]);
}

std::vector<std::string_view> split_at_slashes(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t slash = text.find('/');
    parts.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

bool ends_with_any(std::string_view text, std::span<const std::string_view> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](std::string_view suffix) { return text.ends_with(suffix); });
}

[[noreturn]] void refuse_part(std::string_view what, std::string_view part,
                              std::string_view whole) {
  throw refused_error(
      "'{}': the {} '{}' is not allowed; expected at most {} letters, digits, '.', '_' and '-', "
      "beginning with a letter or digit",
      escaped(whole), what, escaped(part), kMaxPartBytes);
}

void require_plain_parts(std::string_view what, std::string_view text, std::string_view whole) {
  if (!is_plain_file_name(text)) refuse_part(what, text, whole);
}

// The cache joins owner and name by "--" (models--owner--name), so neither may hold it.
void require_plain_name(std::string_view what, std::string_view part, std::string_view whole) {
  if (!is_plain_part(part) || part.find("--") != std::string_view::npos)
    refuse_part(what, part, whole);
}

// "Q4_K_M", "UD-Q4_K_XL", "bf16": what stands for a file by its quantization has no dot or slash.
bool is_quantization(std::string_view text) {
  return !text.empty() && text.size() <= 32 && is_letter(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; });
}

void read_file_part(HubName& hub, std::string_view file, std::string_view whole) {
  if (is_quantization(file)) {
    hub.quantization = file;
    return;
  }
  require_plain_parts("file", file, whole);
  if (has_pickle_suffix(file)) {
    throw refused_error(
        "'{}': '{}' is a pickled checkpoint, and reading one can run any code it holds, so it is "
        "not fetched; take the model's .safetensors or .gguf file",
        escaped(whole), escaped(file));
  }
  if (!has_model_suffix(file)) {
    throw refused_error(
        "'{}': the file '{}' is not allowed; expected one ending in .gguf, .safetensors, .json, "
        ".txt, .jinja, .model or .spm, or a quantization such as Q4_K_M",
        escaped(whole), escaped(file));
  }
  hub.file = file;
}

}  // namespace

std::string HubName::repository() const { return owner.empty() ? name : owner + "/" + name; }

std::string HubName::text() const {
  const std::string& part = file.empty() ? quantization : file;
  return fmt::format("{}{}{}", repository(), revision == "main" ? "" : "@" + revision,
                     part.empty() ? "" : ":" + part);
}

std::optional<HubName> parse_hub_name(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  HubName hub;
  std::string_view rest = text.substr(slash + 1);
  hub.owner = text.substr(0, slash);
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    read_file_part(hub, rest.substr(colon + 1), text);
    rest = rest.substr(0, colon);
  }
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    hub.revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
    require_plain_parts("revision", hub.revision, text);
  }
  hub.name = rest;
  require_plain_name("owner", hub.owner, text);
  require_plain_name("name", hub.name, text);
  return hub;
}

bool is_plain_part(std::string_view part) {
  if (part.empty() || part.size() > kMaxPartBytes || is_device_name(part)) return false;
  if (!is_letter(part[0]) && !is_digit(part[0]) && part[0] != '_') return false;
  if (part.back() == '.' || part.find("..") != std::string_view::npos) return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
  });
}

bool is_plain_file_name(std::string_view name) {
  const auto parts = split_at_slashes(name);
  return parts.size() <= kMaxParts && std::all_of(parts.begin(), parts.end(), is_plain_part);
}

bool has_model_suffix(std::string_view file) { return ends_with_any(file, kModelSuffixes); }
bool has_pickle_suffix(std::string_view file) { return ends_with_any(file, kPickleSuffixes); }

bool is_sha1(std::string_view text) { return text.size() == 40 && is_hexadecimal(text); }
bool is_sha256(std::string_view text) { return text.size() == 64 && is_hexadecimal(text); }

}  // namespace bantam
