// Reading and writing tokenizer.json, the format of the `tokenizers` library.
#pragma once

#include <string>
#include <string_view>

#include "bantam/text/vocabulary.h"

namespace bantam {

/// Throws Error(input): not JSON, over 256 MiB, not byte-level BPE, or an entry that cannot be
/// right, by name. The format has no place for eos and pad; bos is known only if the post-processor
/// adds it.
BytePairVocabulary vocabulary_from_tokenizer_json(std::string_view text);
std::string tokenizer_json_of(const BytePairVocabulary& vocabulary);

}  // namespace bantam
