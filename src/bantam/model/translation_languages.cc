#include "bantam/model/translation_languages.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/base/json.h"
#include "bantam/base/options.h"
#include "bantam/text/post_processor.h"
#include "bantam/text/vocabulary.h"

namespace bantam {
namespace {

struct Language {
  std::string code;
  std::int32_t id = 0;
  bool in_text = false;  ///< of an answer, said in front of the text
};

bool is_lower(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}
bool is_upper(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// fra_Latn or fr_XX.
bool is_plain_code(std::string_view text) {
  const std::size_t line = text.find('_');
  if (line == std::string_view::npos || !is_lower(text.substr(0, line))) return false;
  const std::string_view rest = text.substr(line + 1);
  if (line == 3) {
    return rest.size() == 4 && is_upper(rest.substr(0, 1)) && is_lower(rest.substr(1));
  }
  return line == 2 && rest.size() == 2 && is_upper(rest);
}

std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
  const bool framed =
      text.size() > open.size() + close.size() && text.starts_with(open) && text.ends_with(close);
  return framed ? text.substr(open.size(), text.size() - open.size() - close.size()) : "";
}

/// The code that the text of a token, or what a user wrote, stands for.
std::optional<Language> language_of(std::string_view text) {
  if (is_plain_code(text)) return Language{.code = std::string(text)};
  const std::string_view lines = between(text, "__", "__"), angles = between(text, ">>", "<<");
  if (lines.size() >= 2 && lines.size() <= 3 && is_lower(lines)) {
    return Language{.code = std::string(lines)};
  }
  if (angles.empty() || angles.find_first_of(" <>") != std::string_view::npos) return std::nullopt;
  return Language{.code = std::string(angles), .in_text = true};
}

std::vector<Language> languages_of(const Vocabulary& vocabulary) {
  std::vector<Language> languages;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (type != TokenType::control && type != TokenType::user_defined) continue;
    if (auto language = language_of(vocabulary.tokens[id])) {
      language->id = static_cast<std::int32_t>(id);
      languages.push_back(std::move(*language));
    }
  }
  return languages;
}

/// Codes that begin alike ("fr": fra_Latn, fry_Latn), else the one with the fewest changes.
std::string near_codes(std::string_view wanted, const std::vector<Language>& languages) {
  constexpr std::size_t most = 6;
  std::vector<std::string> codes, alike;
  for (const Language& language : languages) {
    codes.push_back(language.code);
    const bool begins = wanted.size() >= 2 && language.code.starts_with(wanted.substr(0, 2));
    if (begins && alike.size() < most) alike.push_back(language.code);
  }
  if (alike.empty()) alike = {nearest_name(wanted, codes)};
  if (alike.front().empty()) {
    alike.assign(codes.begin(),
                 codes.begin() + static_cast<std::ptrdiff_t>(std::min(most, codes.size())));
    return fmt::format("some of the {} known are {}", codes.size(), fmt::join(alike, ", "));
  }
  return fmt::format("nearest: {}; {} are known", fmt::join(alike, ", "), codes.size());
}

Language find_language(const Vocabulary& vocabulary, std::string_view code) {
  const std::vector<Language> languages = languages_of(vocabulary);
  if (languages.empty()) {
    throw usage_error("language '{}': the tokenizer has no tokens of languages", escaped(code));
  }
  const auto written = language_of(code);
  const std::string wanted = written ? written->code : std::string(code);
  const auto found = std::ranges::find(languages, wanted, &Language::code);
  if (found != languages.end()) return *found;
  throw usage_error("language '{}' is unknown; {}", escaped(code), near_codes(wanted, languages));
}

/// With `id` in place of any of `others`, or in front of everything.
std::vector<TemplatePart> with_language(std::vector<TemplatePart> parts, std::int32_t id,
                                        const std::vector<Language>& others) {
  bool stands = false;
  for (TemplatePart& part : parts) {
    for (std::int32_t& token : part.ids) {
      if (std::ranges::find(others, token, &Language::id) == others.end()) continue;
      token = id;
      stands = true;
    }
  }
  if (!stands) parts.insert(parts.begin(), {.text = -1, .ids = {id}, .type_id = 0});
  return parts;
}

std::shared_ptr<const Tokenizer> with_language(const Tokenizer& tokenizer, std::int32_t id) {
  Vocabulary vocabulary = tokenizer.vocabulary();
  const std::vector<Language> languages = languages_of(vocabulary);
  const PostProcessor before =
      PostProcessor::from_json(parse_json(vocabulary.post_processor_json), vocabulary);
  vocabulary.post_processor_json =
      dump_json(template_processing(with_language(before.single(), id, languages),
                                    with_language(before.pair(), id, languages), vocabulary));
  return Tokenizer::from_vocabulary(std::move(vocabulary));
}

}  // namespace

std::vector<std::string> language_codes(const Tokenizer& tokenizer) {
  std::vector<std::string> codes;
  for (Language& language : languages_of(tokenizer.vocabulary())) {
    codes.push_back(std::move(language.code));
  }
  return codes;
}

std::shared_ptr<const Tokenizer> with_source_language(
    const std::shared_ptr<const Tokenizer>& tokenizer, std::string_view code) {
  const Language language = find_language(tokenizer->vocabulary(), code);
  if (!language.in_text) return with_language(*tokenizer, language.id);
  throw usage_error(
      "language '{}': this model is told the language of its answers only, not that of a text",
      escaped(code));
}

TargetLanguage with_target_language(const std::shared_ptr<const Tokenizer>& tokenizer,
                                    std::string_view code) {
  const Language language = find_language(tokenizer->vocabulary(), code);
  if (language.in_text) return {with_language(*tokenizer, language.id), std::nullopt};
  return {tokenizer, language.id};
}

}  // namespace bantam
