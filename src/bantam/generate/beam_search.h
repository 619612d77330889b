// Beam search for one request, as `transformers` defines it (generation/utils.py, _beam_search), so
// that the same beams win.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bantam/generate/completion.h"
#include "bantam/generate/scheduler.h"

namespace bantam {

/// When a search may end before all beams have: transformers' early_stopping.
enum class EarlyStopping {
  by_score,    ///< false: the best running beam, as long as it is, is behind all finished ones
  when_full,   ///< true: as many answers have ended as there are beams
  when_proven  ///< "never": the best running beam would be behind at any length
};

struct BeamSettings {
  int beams = 4;
  std::int64_t context = 0;  ///< tokens that prompt and answer may fill
  std::int64_t step_rows = 512;
  std::function<bool()> cancelled;  ///< asked before each step
  EarlyStopping early_stopping = EarlyStopping::by_score;
  /// The token that every answer begins with, and the one that ends an answer of the greatest
  /// length.
  std::optional<std::int32_t> forced_first = {}, forced_last = {};
  std::vector<std::vector<std::int32_t>> forbidden = {};  ///< sequences that no answer has
  /// No run of so many tokens of `source_tokens` comes in an answer; 0: all may.
  int no_source_ngram = 0;
  std::vector<std::int32_t> source_tokens = {};
  std::shared_ptr<const Source> source = {};  ///< what an encoder-decoder answers to
};

/// The options.n best answers, best first, ranked by log-probability / tokens^length_penalty, the
/// end token counted. Throws Error(usage) when n exceeds the beams, Error(input) when logits are
/// not finite. Without a tokenizer answers are tokens alone, and stop strings Error(usage).
Completion beam_search(const CausalLM& model, const std::shared_ptr<const Tokenizer>& tokenizer,
                       const AnswerTokens& tokens, const Request& request,
                       const BeamSettings& settings);

}  // namespace bantam
