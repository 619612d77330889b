// Perplexity of a text: exp of the mean negative log-likelihood of its tokens.
#pragma once

#include <cstdint>
#include <string_view>

#include "bantam/base/progress.h"
#include "bantam/model/load_model.h"
#include "bantam/stats/bootstrap.h"

namespace bantam {

struct PerplexityOptions {
  std::int64_t window =
      512;  ///< tokens of each stretch; stretches do not overlap, a shorter rest is left out
  std::int64_t score_from = 256;   ///< tokens before this place are context only
  std::int64_t limit_windows = 0;  ///< 0: all
  ProgressSink* progress = &silent_progress();
};

struct Perplexity {
  double perplexity = 0;     ///< exp(mean negative log-likelihood)
  Interval interval;         ///< 95 %, bootstrap over windows
  double bits_per_byte = 0;  ///< of the scored tokens' bytes; comparable between tokenizers
  std::int64_t scored_tokens = 0, windows = 0, tokens = 0;
};

/// In each window, the tokens at places score_from+1 … window-1 are scored: llama.cpp's definition
/// (tools/perplexity). Throws Error(input) when the text has less than one window.
Perplexity measure_perplexity(const LoadedModel& model, std::string_view text,
                              const PerplexityOptions& options);

}  // namespace bantam
