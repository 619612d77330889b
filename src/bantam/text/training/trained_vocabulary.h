// What the three kinds of training share: special tokens, the alphabet, and what must have room.
#pragma once

#include <string>
#include <vector>

#include "bantam/text/training/train_tokenizer.h"

namespace bantam {

/// The vocabulary of `split` with only its special tokens. Throws Error(usage) on an empty or
/// repeated one, a role that is not among them, or a missing unknown token.
Vocabulary with_special_tokens(const WordSplit& split, const SpecialTokens& special);

/// Adds tokens of one type. Throws Error(usage) when a special token has the text of one.
void append_tokens(const std::vector<std::string>& texts, TokenType type, Vocabulary& vocabulary);

/// Throws Error(usage) when a vocabulary of `size` cannot hold the `needed` tokens that `what`
/// says.
void require_room(std::size_t needed, std::int64_t size, std::string_view what);
/// Throws Error(input) when nothing was counted.
void require_words(const WordCounts& words);

struct Alphabet {
  std::vector<char32_t> characters;  ///< ascending
  bool has(char32_t character) const;
};
/// The characters of the words, the most frequent ones: at most `limit`, and no more than make up
/// `coverage` of the text. The lower code point wins a tie.
Alphabet alphabet_of(const WordCounts& words, std::int64_t limit, double coverage);

}  // namespace bantam
