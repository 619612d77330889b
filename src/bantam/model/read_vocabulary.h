// The vocabulary of a GGUF file: the tokenizer.ggml keys.
#pragma once

#include "bantam/text/vocabulary.h"

namespace bantam {

class GgufFile;

/// Reads the kinds gpt2 (byte-level BPE), llama (SentencePiece's BPE), t5 (SentencePiece's Unigram)
/// and bert (WordPiece). Throws Error(input) naming file and key, token or id.
Vocabulary vocabulary_of(const GgufFile& file);

}  // namespace bantam
