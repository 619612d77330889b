// Checks a vocabulary from a stranger's file and resolves its texts to ids.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bantam/text/bpe.h"
#include "bantam/text/vocabulary.h"

namespace bantam {

struct CheckedVocabulary {
  std::array<std::int32_t, 256> byte_ids;  ///< -1: no token
  std::vector<Merge> merges;
};

/// Throws Error(input) naming the entry that is wrong. Fills what may be left out: types, the JSON
/// of the pre-tokenizer and normalizer. Makes "<|...|>" tokens that a file calls user-defined
/// control tokens.
CheckedVocabulary check_vocabulary(BytePairVocabulary& vocabulary);

}  // namespace bantam
