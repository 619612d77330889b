// A SentencePiece tokenizer as tokenizer.json can express it.
#pragma once

#include "bantam/text/vocabulary.h"

namespace bantam {

/// BPE by scores becomes the list of merges in that order, and the steps of SentencePiece's
/// normalizer become those of `tokenizers`, as Hugging Face's own conversion has it. Where the two
/// libraries differ (charsmaps cut at graphemes, ties between merges) so do ids.
Vocabulary exported_sentence_piece(const Vocabulary& vocabulary);

}  // namespace bantam
