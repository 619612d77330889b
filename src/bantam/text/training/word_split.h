// How text becomes the words that training counts. The trained tokenizer does the same to a text
// before it encodes it.
#pragma once

#include <string>
#include <string_view>

#include "bantam/text/vocabulary.h"

namespace bantam {

/// The parts of tokenizer.json around the model that is learned.
struct WordSplit {
  TokenModelKind kind = TokenModelKind::byte_bpe;
  std::string normalizer_json, pre_tokenizer_json, decoder_json;
  std::string pre;  ///< GGUF's name for it, "" when it has none
  bool ignore_merges = false;
};

/// By the name of a known pre-tokenizer (pre_tokenizer.h): "gpt-2", "smollm" (each digit alone),
/// "llama-bpe" (up to three digits), "qwen2" (also NFC), ... Loses nothing but what that
/// normalizer changes. Throws Error(input) listing the known names.
WordSplit byte_level_split(std::string_view name, bool single_digits = false);

/// As BERT does: words and punctuation without white space, control characters removed.
WordSplit word_piece_split(bool lowercase, bool single_digits = false);

/// As SentencePiece does, words begin with a visible space; a line break is a word of its own.
/// `form` is "", which changes nothing, "nfc" or "nfkc"; another one is an Error(usage).
WordSplit unigram_split(std::string_view form = "", bool single_digits = false);

/// An empty vocabulary with these parts.
Vocabulary vocabulary_with(const WordSplit& split);

}  // namespace bantam
