#include "bantam/text/training/trained_vocabulary.h"

#include <algorithm>
#include <unordered_map>

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

std::optional<std::int32_t> id_of(const std::string& text, const Vocabulary& vocabulary,
                                  std::string_view role) {
  if (text.empty()) return std::nullopt;
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), text);
  if (found == vocabulary.tokens.end()) {
    throw usage_error("special tokens: expected the {} token '{}' among them, found it not", role,
                      escaped(text));
  }
  return static_cast<std::int32_t>(found - vocabulary.tokens.begin());
}

}  // namespace

SpecialTokens usual_special_tokens(TokenModelKind kind) {
  switch (kind) {
    case TokenModelKind::word_piece:
      return {{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, "[CLS]", "[SEP]", "[UNK]", "[PAD]"};
    case TokenModelKind::unigram:
      return {{"<unk>", "<s>", "</s>"}, "<s>", "</s>", "<unk>", ""};
    default:
      return {{"<|endoftext|>"}, "<|endoftext|>", "<|endoftext|>", "", ""};
  }
}

Vocabulary with_special_tokens(const WordSplit& split, const SpecialTokens& special) {
  Vocabulary vocabulary = vocabulary_with(split);
  for (const std::string& text : special.texts) {
    if (text.empty()) throw usage_error("special tokens: one is empty");
    append_tokens({text}, TokenType::control, vocabulary);
  }
  vocabulary.bos = id_of(special.bos, vocabulary, "first");
  vocabulary.eos = id_of(special.eos, vocabulary, "last");
  vocabulary.unk = id_of(special.unk, vocabulary, "unknown");
  vocabulary.pad = id_of(special.pad, vocabulary, "padding");
  if (split.kind != TokenModelKind::byte_bpe && !vocabulary.unk) {
    throw usage_error("special tokens: expected one for what is unknown, found none");
  }
  vocabulary.emit_unk = vocabulary.unk.has_value();
  return vocabulary;
}

void append_tokens(const std::vector<std::string>& texts, TokenType type, Vocabulary& vocabulary) {
  // Only special tokens can be in the way, and there are few.
  const auto special = std::find_if(vocabulary.types.begin(), vocabulary.types.end(),
                                    [](TokenType other) { return other != TokenType::control; });
  const auto specials = vocabulary.tokens.begin() + (special - vocabulary.types.begin());
  for (auto token = vocabulary.tokens.begin(); token != specials; ++token) {
    if (std::find(texts.begin(), texts.end(), *token) != texts.end()) {
      throw usage_error("special tokens: '{}' is {}", escaped(*token),
                        type == TokenType::control ? "there twice" : "in the alphabet as well");
    }
  }
  vocabulary.tokens.insert(vocabulary.tokens.end(), texts.begin(), texts.end());
  vocabulary.types.resize(vocabulary.tokens.size(), type);
}

void require_room(std::size_t needed, std::int64_t size, std::string_view what) {
  if (size >= static_cast<std::int64_t>(needed)) return;
  throw usage_error("vocabulary size: expected at least {} for {}, found {}",
                    with_commas(static_cast<std::int64_t>(needed)), what, with_commas(size));
}

void require_words(const WordCounts& words) {
  if (words.words.empty()) {
    throw input_error("tokenizer training: expected text, found not one word");
  }
}

bool Alphabet::has(char32_t character) const {
  return std::binary_search(characters.begin(), characters.end(), character);
}

Alphabet alphabet_of(const WordCounts& words, std::int64_t limit, double coverage) {
  std::unordered_map<char32_t, std::int64_t> counts;
  std::int64_t total = 0;
  for (std::size_t word = 0; word < words.words.size(); ++word) {
    const std::string& text = words.words[word];
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = code_point_at(text, at);
      counts[c.value] += words.counts[word];
      total += words.counts[word];
      at += static_cast<std::size_t>(c.length);
    }
  }
  std::vector<std::pair<std::int64_t, char32_t>> sorted;
  for (const auto& [character, count] : counts) sorted.emplace_back(-count, character);
  std::sort(sorted.begin(), sorted.end());
  Alphabet alphabet;
  const double wanted = coverage * static_cast<double>(total);
  double covered = 0;
  for (const auto& [negative_count, character] : sorted) {
    if (std::ssize(alphabet.characters) >= limit || covered >= wanted) break;
    alphabet.characters.push_back(character);
    covered -= static_cast<double>(negative_count);
  }
  std::sort(alphabet.characters.begin(), alphabet.characters.end());
  return alphabet;
}

}  // namespace bantam
