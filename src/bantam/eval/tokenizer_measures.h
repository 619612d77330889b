// How well a tokenizer fits texts, measured without a model.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bantam/base/progress.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// A text that does not come back, around the first byte that differs.
struct LostText {
  std::int64_t number = 0;  ///< of the text, from 0
  std::size_t at = 0;       ///< the byte
  std::string was, became;  ///< a few characters from shortly before it
};

struct TokenizerMeasures {
  std::int64_t texts = 0, bytes = 0;
  std::int64_t words = 0;  ///< stretches without white space: the same for every tokenizer
  std::int64_t tokens = 0;
  std::int64_t unknown = 0;      ///< tokens that stand for whatever has none
  std::int64_t fragments = 0;    ///< tokens that are parts of characters: byte fallback
  std::int64_t used = 0;         ///< distinct tokens that occurred
  std::int64_t came_back = 0;    ///< texts that decode to what was encoded
  std::optional<LostText> lost;  ///< the first that did not
  /// Renyi entropy of order 2.5 of the tokens' frequencies, divided by the logarithm of the
  /// vocabulary's size (arXiv:2306.16842): 1 when all tokens are equally frequent.
  double renyi_efficiency = 0;
  double seconds = 0;  ///< encoding all texts one after another on one thread

  /// Tokens for each word; 0 when there are no words.
  double fertility() const;
  double bytes_per_token() const;
  double megabytes_per_second() const;  ///< of 10^6 bytes
};

/// Encodes every text as ordinary text. Throws what encode throws, and Interrupted.
TokenizerMeasures measure_tokenizer(const Tokenizer& tokenizer, std::span<const std::string> texts,
                                    ProgressSink& progress = silent_progress());

/// ln(sum of p^order) / (1 - order) over the counts' shares p, in nats; order is not 1.
double renyi_entropy(std::span<const std::int64_t> counts, double order);

}  // namespace bantam
