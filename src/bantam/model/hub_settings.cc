#include "bantam/model/hub_settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <system_error>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMaxTokenBytes = 4096;
constexpr double kMaxSeconds = 86400;

std::string environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// ~, $NAME and ${NAME}, which a shell has not replaced in a value that comes from elsewhere. An
// unset variable stays as it is written.
Path expanded(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  if (text == "~" || text.starts_with("~/")) {
    out = environment("HOME");
    at = 1;
  }
  while (at < text.size()) {
    if (text[at] != '$') {
      out += text[at++];
      continue;
    }
    const bool braces = text.compare(at, 2, "${") == 0;
    const std::size_t begin = at + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && is_name_character(text[end])) ++end;
    const std::string value = environment(text.substr(begin, end - begin));
    const bool closed = !braces || (end < text.size() && text[end] == '}');
    const std::size_t next = end + (braces && closed ? 1 : 0);
    out += value.empty() || !closed ? text.substr(at, next - at) : value;
    at = next;
  }
  return out;
}

Path hugging_face_home() {
  if (const auto home = environment("HF_HOME"); !home.empty()) return expanded(home);
  if (const auto cache = environment("XDG_CACHE_HOME"); !cache.empty())
    return expanded(cache) / "huggingface";
  return expanded("~/.cache/huggingface");
}

bool is_true(std::string value) {
  for (char& c : value)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

double seconds(std::string_view name, double otherwise) {
  const std::string text = environment(name);
  if (text.empty()) return otherwise;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0) ||
      value > kMaxSeconds) {
    throw usage_error("{}='{}': expected seconds, more than 0 and at most {}", name, escaped(text),
                      kMaxSeconds);
  }
  return value;
}

std::string without_spaces(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// What is not printable ASCII would end or change the header that carries it.
void set_token(HubSettings& settings, const std::string& text, const std::string& source) {
  const std::string token = without_spaces(text);
  if (token.empty()) return;
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    throw usage_error(
        "{}: expected a token of letters and digits such as hf_..., found characters "
        "that no token has",
        escaped(source));
  }
  settings.token = token;
  settings.token_source = source;
}

void read_token(HubSettings& settings) {
  if (is_true(environment("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return;
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    set_token(settings, environment(name), name);
    if (!settings.token.empty()) return;
  }
  const std::string named = environment("HF_TOKEN_PATH");
  const Path file = named.empty() ? hugging_face_home() / "token" : expanded(named);
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored))
    set_token(settings, read_file(file, kMaxTokenBytes), file.string());
}

std::string endpoint() {
  std::string url = environment("HF_ENDPOINT");
  if (url.empty()) return "https://huggingface.co";
  while (url.ends_with("/")) url.pop_back();
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    throw usage_error("HF_ENDPOINT='{}': expected https://HOST", escaped(url));
  return url;
}

}  // namespace

HubSettings hub_settings() {
  HubSettings settings;
  settings.endpoint = endpoint();
  read_token(settings);
  for (const char* name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"})
    if (settings.offline.empty() && is_true(environment(name))) settings.offline = name;
  settings.metadata_seconds = seconds("HF_HUB_ETAG_TIMEOUT", settings.metadata_seconds);
  settings.download_seconds = seconds("HF_HUB_DOWNLOAD_TIMEOUT", settings.download_seconds);
  settings.links = !is_true(environment("HF_HUB_DISABLE_SYMLINKS"));
  return settings;
}

Path hub_cache_folder() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const auto folder = environment(name); !folder.empty()) return expanded(folder);
  return hugging_face_home() / "hub";
}

}  // namespace bantam
