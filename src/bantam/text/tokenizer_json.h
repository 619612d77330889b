// Reading and writing tokenizer.json, the format of the `tokenizers` library.
#pragma once

#include <string>
#include <string_view>

#include "bantam/text/vocabulary.h"

namespace bantam {

/// Throws Error(input): not JSON, over 256 MiB, or an entry that cannot be right, by name. The
/// format has no place for eos and pad; bos is known only if the post-processor adds it.
Vocabulary vocabulary_from_tokenizer_json(std::string_view text);
/// Of a checked vocabulary. What SentencePiece does becomes the steps that `tokenizers` has for it
/// (sentence_piece_export.h).
std::string tokenizer_json_of(const Vocabulary& vocabulary);

}  // namespace bantam
