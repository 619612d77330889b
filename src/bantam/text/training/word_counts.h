// How often each word occurs in a corpus: all that training needs of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bantam/text/added_tokens.h"
#include "bantam/text/normalizer.h"
#include "bantam/text/pre_tokenizer.h"
#include "bantam/text/training/word_split.h"

namespace bantam {

struct WordCounts {
  std::vector<std::string> words;  ///< distinct, ascending; bytes as they are, not byte-level text
  std::vector<std::int64_t> counts;  ///< one for each word, above 0
  std::int64_t invalid_bytes = 0;    ///< left out: no UTF-8, and the kind knows only characters
};

/// Counts words text by text. Memory is linear in the distinct words.
class WordCounter {
 public:
  /// Longer words are counted in parts: each merge looks through its words from end to end, and no
  /// token is that long.
  static constexpr std::size_t longest_word = 1024;

  /// The texts of special tokens are left out and end a word. Throws what reading the parts throws.
  WordCounter(const WordSplit& split, std::span<const std::string> special_tokens);

  /// In parallel; the outcome depends neither on threads nor on the order of texts. Throws
  /// Error(input) when a split pattern exceeds its match limit, and Interrupted.
  void add(std::span<const std::string_view> texts);
  /// What was counted so far; the counter is empty then.
  WordCounts take();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  struct Counts {
    std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> words;
    std::int64_t invalid_bytes = 0;
  };
  void count(std::string_view text, Counts& counts) const;
  void count_plain(AlignedText text, Counts& counts) const;
  static void count_word(std::string_view word, Counts& counts);

  bool bytes_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  AddedTokenMatcher special_tokens_;
  Counts counts_;
};

/// `text` in blocks of about 64 KiB that end at single line breaks between something visible, where
/// pre-tokenizers cut whatever follows: several threads can count one long document.
void append_blocks(std::string_view text, std::vector<std::string_view>& blocks);

}  // namespace bantam
