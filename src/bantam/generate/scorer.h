// Log-probabilities of texts under a model: of options given a context, and of running text.
//
// What questions have in common is computed once: the prefix of all contexts (the shots of a
// few-shot prompt), each context, and the first tokens that options share (a tree of options). The
// last token of an option is only predicted, never read. So 15 labels of two tokens cost the
// context and about 15 rows, and many questions go through the model in one forward pass. Where
// only the likely options matter, the others are not read beyond their first token.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/model/causal_lm.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

struct Question {
  std::vector<std::int32_t> context;               ///< at least one token
  std::vector<std::vector<std::int32_t>> options;  ///< each at least one token
  /// An option that is read to its end however unlikely it is; -1: none.
  std::int32_t always_read = -1;
};

struct OptionScores {
  /// Nats, summed over the option's tokens; of an option that is not complete, of its first token
  /// alone: an upper bound.
  std::vector<double> log_probability;
  std::vector<int> tokens;  ///< of each option: divide by it to compare lengths
  std::vector<bool> complete;
};

/// How a text is cut into context and option tokens.
enum class Boundary {
  /// Context and option are encoded as one text, as a reader would see it. Should a token cross
  /// the boundary in any option, all options are scored from where that token begins, so that they
  /// stay comparable.
  joined,
  /// Each is encoded alone, as in training on prompt and completion, and in generation.
  separate,
};

/// bos first, if the tokenizer adds one. Throws Error(input) when context (with bos) or an option
/// has no token.
Question make_question(const Tokenizer& tokenizer, std::string_view context,
                       std::span<const std::string> options, Boundary boundary = Boundary::joined);

/// A text of which tokens [first, size) are scored; the ones before are context. first >= 1.
struct RollingText {
  std::vector<std::int32_t> tokens;
  std::int64_t first = 1;
};

struct ScorerOptions {
  std::int64_t context = 0;       ///< tokens of one sequence; 0: what the model was trained for
  std::int64_t step_rows = 1024;  ///< rows of one forward pass, if one question does not need more
  /// An option is left incomplete when even its first token is less than this share as likely as
  /// the likeliest complete option. So the likeliest option is exact. 0: all are read.
  double left_out = 0;
};

class Scorer {
 public:
  /// Throws Error(usage) when left_out is not in [0, 1).
  explicit Scorer(std::shared_ptr<const CausalLM> model, const ScorerOptions& options = {});

  /// Throws Error(input) naming question and both numbers when one does not fit the context:
  /// nothing is ever cut. Interrupted when an Interrupt is requested.
  std::vector<OptionScores> score(std::span<const Question> questions,
                                  ProgressSink& progress = silent_progress()) const;

  /// For each text log p(token | all before it in the text), for tokens first … size - 1.
  std::vector<std::vector<double>> token_log_probabilities(
      std::span<const RollingText> texts, ProgressSink& progress = silent_progress()) const;

 private:
  std::shared_ptr<const CausalLM> model_;
  ScorerOptions options_;
};

}  // namespace bantam
