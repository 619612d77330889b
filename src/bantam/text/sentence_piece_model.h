// Reading tokenizer.model, the files of https://github.com/google/sentencepiece
// (sentencepiece_model.proto).
#pragma once

#include <string>
#include <string_view>

#include "bantam/text/vocabulary.h"

namespace bantam {

/// What such a file says of the text before encoding.
struct SentencePieceSpec {
  std::string charsmap;  ///< precompiled, see charsmap.h
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

/// Sets the normalizer and the decoder. With cuts_user_defined off, user-defined tokens are
/// protected from the normalizer.
void set_sentence_piece_parts(Vocabulary& vocabulary, const SentencePieceSpec& spec);

/// BPE or Unigram. Throws Error(input) naming the byte where the file is cut or wrong, a piece that
/// cannot be right, or a kind of model or setting that is not understood.
Vocabulary vocabulary_from_sentence_piece(std::string_view bytes);

}  // namespace bantam
