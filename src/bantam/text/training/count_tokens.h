// How many tokens a tokenizer makes of a counted corpus, without reading it again.
#pragma once

#include <cstdint>

#include "bantam/text/tokenizer.h"
#include "bantam/text/training/word_counts.h"

namespace bantam {

struct TokenTotals {
  std::int64_t tokens = 0;
  std::int64_t bytes = 0;  ///< of the words; of what splitting keeps

  /// 0 for no tokens.
  double bytes_per_token() const {
    return tokens > 0 ? static_cast<double>(bytes) / static_cast<double>(tokens) : 0;
  }
};

/// The words must come from the split the tokenizer was trained with. In parallel.
TokenTotals count_tokens(const Tokenizer& tokenizer, const WordCounts& words);

}  // namespace bantam
