#include "bantam/text/word_tags.h"

#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view kPrefixes = "BIES";

// A tag in its parts; prefix 'O' for none.
struct ParsedTag {
  char prefix = 'O';
  std::string_view label = {};
};

ParsedTag parse(std::string_view tag) {
  if (tag == kOutsideTag) return {};
  const bool is_prefixed =
      tag.size() > 2 && tag[1] == '-' && kPrefixes.find(tag[0]) != std::string_view::npos;
  return is_prefixed ? ParsedTag{tag[0], tag.substr(2)} : ParsedTag{'I', tag};
}

bool ends_between(const ParsedTag& before, const ParsedTag& after) {
  if (before.prefix == 'O') return false;
  const bool closes = before.prefix == 'E' || before.prefix == 'S';
  const bool another = after.prefix == 'B' || after.prefix == 'S' || after.prefix == 'O';
  return closes || another || before.label != after.label;
}

bool begins_between(const ParsedTag& before, const ParsedTag& after) {
  if (after.prefix == 'O') return false;
  const bool opens = after.prefix == 'B' || after.prefix == 'S';
  const bool alone = before.prefix == 'E' || before.prefix == 'S' || before.prefix == 'O';
  return opens || alone || before.label != after.label;
}

}  // namespace

std::vector<ByteRange> words_of(std::string_view text) {
  std::vector<ByteRange> words;
  bool goes_on = false;  // the last word may grow
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const auto begin = static_cast<std::uint32_t>(at);
    at += static_cast<std::size_t>(c.length);
    const auto end = static_cast<std::uint32_t>(at);
    const bool joins = c.valid && is_word(c.value) && !is_ideograph(c.value);
    if (joins && goes_on) {
      words.back().second = end;
    } else if (!c.valid || !is_white_space(c.value)) {
      words.emplace_back(begin, end);
    }
    goes_on = joins;
  }
  return words;
}

std::vector<Entity> entities_of(std::span<const std::string> tags) {
  std::vector<Entity> entities;
  ParsedTag before;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= tags.size(); ++i) {
    const ParsedTag tag = i < tags.size() ? parse(tags[i]) : ParsedTag();
    if (ends_between(before, tag)) entities.push_back({begin, i, std::string(before.label)});
    if (begins_between(before, tag)) begin = i;
    before = tag;
  }
  return entities;
}

std::vector<std::string> tags_of(std::span<const Entity> entities, std::size_t words) {
  std::vector<std::string> tags(words, std::string(kOutsideTag));
  for (const Entity& entity : entities) {
    for (std::size_t i = entity.begin; i < entity.end; ++i) {
      tags[i] = (i == entity.begin ? "B-" : "I-") + entity.label;
    }
  }
  return tags;
}

std::string continuing_tag(const std::string& tag) {
  const ParsedTag parsed = parse(tag);
  const bool is_prefixed = parsed.label.size() + 2 == tag.size();
  return is_prefixed && parsed.prefix != 'O' ? "I-" + std::string(parsed.label) : tag;
}

std::vector<WordToken> first_tokens(const ModelInput& input, std::span<const ByteRange> words) {
  std::vector<WordToken> found(words.size());
  std::size_t word = 0;  // the first that may lie behind the tokens so far
  for (std::size_t token = 0; token < input.ids.size(); ++token) {
    if (input.text[token] != 0) continue;
    const auto [begin, end] = input.offsets[token];
    while (word < words.size() && words[word].second <= begin) ++word;
    bool is_own = true;
    for (std::size_t touched = word; touched < words.size() && words[touched].first < end;
         ++touched) {
      if (found[touched].token >= 0) continue;
      found[touched] = {static_cast<std::int32_t>(token), is_own};
      is_own = false;
    }
  }
  return found;
}

}  // namespace bantam
