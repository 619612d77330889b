// What is asked of a model, and what comes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/generate/generate_options.h"
#include "bantam/generate/stopper.h"

namespace bantam {

struct Request {
  std::vector<std::int32_t> prompt;  ///< at least one token
  GenerateOptions options;           ///< after apply_generation_defaults
  /// Which stream of noise the answers draw from; by default the request's place in its list.
  std::optional<std::uint64_t> stream;
  /// Sorted. Special tokens whose text belongs to the answer's; the others are left out of it.
  std::vector<std::int32_t> shown_tokens = {};
};

/// One answer.
struct Choice {
  std::string text;                  ///< valid UTF-8, without end token and stop string
  std::vector<std::int32_t> tokens;  ///< the end token included
  /// For each token, if asked for: natural logarithm, under the model itself (temperature 1, all
  /// tokens).
  std::vector<double> log_probabilities;
  FinishReason finish_reason = FinishReason::stop;
  std::string stop;             ///< the stop string that ended it
  bool context_full = false;    ///< `length` because prompt and answer fill the context
  std::optional<double> score;  ///< of a beam: log-probability / length^penalty
};

struct Completion {
  std::vector<Choice> choices;  ///< n of them; beams best first
  std::string error;            ///< not empty: this request failed, the others went on
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  ///< of the prompt, whose keys and values were at hand
  double prompt_seconds = 0;       ///< from admission to the first token
  double seconds = 0;              ///< from admission to the end
  std::int64_t generated_tokens() const;
};

/// A row of a completion file: {"prompt", "completions": [{"text", "tokens", "logprobs",
/// "finish_reason", "stop"}]}; the caller adds "id" and what else identifies the row.
Json completion_to_json(const std::string& prompt, const Completion& completion);

}  // namespace bantam
