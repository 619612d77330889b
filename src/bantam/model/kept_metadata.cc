#include "bantam/model/kept_metadata.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/error.h"

namespace bantam {
namespace {

bool is_kept(std::string_view key, std::string_view architecture) {
  constexpr std::string_view kStated[] = {"general.architecture", "general.type",
                                          "general.file_type",    "general.quantization_version",
                                          "general.alignment",    "general.quantized_by",
                                          "bantam.version"};
  if (std::ranges::find(kStated, key) != std::end(kStated)) return false;
  if (key.starts_with("tokenizer.chat_template.") || key == "tokenizer.chat_templates") return true;
  constexpr std::string_view kPrefixes[] = {"tokenizer.", "split.", "quantize."};
  return std::ranges::none_of(kPrefixes, [&](auto prefix) { return key.starts_with(prefix); }) &&
         !(key.starts_with(architecture) && key.substr(architecture.size()).starts_with('.'));
}

GgufMetadata kept_of_gguf(const Path& file) {
  GgufMetadata kept;
  const auto source = GgufFile::open(file, WeightCheck::never);
  const std::string architecture = source->string("general.architecture").value_or("");
  for (const auto& [key, value] : source->metadata()) {
    if (is_kept(key, architecture)) kept.emplace_back(key, value);
  }
  return kept;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string unquoted(std::string_view text) {
  text = trimmed(text);
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.front() == text.back();
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

// "a" or "[a, b]".
std::vector<std::string> items_of(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with('[') || !text.ends_with(']')) return {unquoted(text)};
  std::vector<std::string> items;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    items.push_back(unquoted(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

using HeadOfReadme = std::map<std::string, std::vector<std::string>, std::less<>>;

// The YAML between two lines "---" at the beginning, as far as it is plain: "key: value",
// "key: [a, b]", and "key:" with lines "- a" behind it. What is nested is passed over.
HeadOfReadme head_of_readme(std::string_view text) {
  HeadOfReadme head;
  std::vector<std::string>* list = nullptr;
  bool begun = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end), content = trimmed(line);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content == "---") {
      if (begun) return head;
      begun = true;
      continue;
    }
    if (!begun) return {};
    if (content.starts_with("- ")) {
      if (list != nullptr) list->push_back(unquoted(content.substr(2)));
      continue;
    }
    list = nullptr;
    const std::size_t colon = line.find(':');
    if (content.empty() || line.front() == ' ' || colon == std::string_view::npos) continue;
    std::vector<std::string>& values = head[std::string(line.substr(0, colon))];
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (value.empty()) {
      list = &values;
    } else {
      values = items_of(value);
    }
  }
  return {};  // the second line is missing
}

void keep_texts(const HeadOfReadme& head, std::string_view key, std::string_view as,
                GgufMetadata& kept) {
  const auto found = head.find(key);
  if (found == head.end() || found->second.empty()) return;
  kept.emplace_back(as, GgufArray{found->second});
}

// "owner/name" and its place on the hub.
void keep_base_models(const std::vector<std::string>& names, GgufMetadata& kept) {
  kept.emplace_back("general.base_model.count", static_cast<std::uint32_t>(names.size()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string prefix = fmt::format("general.base_model.{}.", i);
    const std::size_t slash = names[i].find('/');
    if (slash == std::string::npos) {
      kept.emplace_back(prefix + "name", names[i]);
      continue;
    }
    kept.emplace_back(prefix + "name", names[i].substr(slash + 1));
    kept.emplace_back(prefix + "organization", names[i].substr(0, slash));
    kept.emplace_back(prefix + "repo_url", "https://huggingface.co/" + names[i]);
  }
}

GgufMetadata kept_of_folder(const Path& folder) {
  GgufMetadata kept;
  const Path readme = folder / "README.md";
  if (!std::filesystem::exists(readme)) return kept;
  const HeadOfReadme head = head_of_readme(read_file(readme));
  constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
      {"license", "general.license"},
      {"license_name", "general.license.name"},
      {"license_link", "general.license.link"}};
  for (const auto& [key, as] : kTexts) {
    const auto found = head.find(key);
    if (found != head.end() && found->second.size() == 1) {
      kept.emplace_back(as, found->second.front());
    }
  }
  keep_texts(head, "tags", "general.tags", kept);
  keep_texts(head, "language", "general.languages", kept);
  const auto base = head.find("base_model");
  if (base != head.end() && !base->second.empty()) keep_base_models(base->second, kept);
  return kept;
}

}  // namespace

GgufMetadata kept_metadata(const Path& source) {
  std::error_code ignored;
  if (std::filesystem::is_directory(source, ignored)) return kept_of_folder(source);
  if (!std::filesystem::exists(source, ignored)) return {};
  return kept_of_gguf(source);
}

}  // namespace bantam
