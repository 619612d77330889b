// Beam search for one request, as `transformers` defines it (generation/utils.py, _beam_search,
// early_stopping false), so that the same beams win.
#pragma once

#include <functional>
#include <memory>

#include "bantam/generate/completion.h"
#include "bantam/generate/scheduler.h"

namespace bantam {

struct BeamSettings {
  int beams = 4;
  std::int64_t context = 0;  ///< tokens that prompt and answer may fill
  std::int64_t step_rows = 512;
  std::function<bool()> cancelled;  ///< asked before each step
};

/// The options.n best answers, best first, ranked by log-probability / tokens^length_penalty, the
/// end token counted. Throws Error(usage) when n exceeds the beams, Error(input) when logits are
/// not finite.
Completion beam_search(const CausalLM& model, const std::shared_ptr<const Tokenizer>& tokenizer,
                       const AnswerTokens& tokens, const Request& request,
                       const BeamSettings& settings);

}  // namespace bantam
