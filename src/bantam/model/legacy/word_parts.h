// SentencePiece's steps as the parts that Hugging Face's conversion makes of them: words begin with
// U+2581 and are encoded one by one.
#pragma once

#include <string>

#include "bantam/text/vocabulary.h"

namespace bantam {

/// The charsmap, in base64, of what vocabulary_from_sentence_piece() returned; may be empty.
std::string charsmap_of(const Vocabulary& vocabulary);

struct WordParts {
  std::string charsmap;
  bool splits_white_space = false;  ///< words end at any white space, of which nothing stays
  bool joins_spaces = false;        ///< several spaces are one
};

/// Sets normalizer, pre-tokenizer and decoder, and what `tokenizers` does where SentencePiece does
/// something else.
void use_word_parts(Vocabulary& vocabulary, const WordParts& parts);

}  // namespace bantam
