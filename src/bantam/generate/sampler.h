// From the logits of the next token to the token: processors narrow or reshape the candidates, the
// sampler draws.
//
// Order and formulas are those of `transformers` (generation/logits_process.py), so that the same
// options mean the same distribution there: repetition penalty, temperature, top-k, top-p, min-p,
// typical.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bantam/base/options.h"
#include "bantam/base/random.h"

namespace bantam {

/// What is unset comes from the model's generation_config.json (see generate_options.h), else it
/// changes nothing.
struct SamplerOptions {
  std::optional<double> temperature, top_p, min_p, typical_p, repetition_penalty;
  std::optional<int> top_k;
  std::int64_t seed = 0;  ///< of the noise; --seed and the request's `seed` set it
};

template <>
inline void describe(Describer<SamplerOptions>& d) {
  d(&SamplerOptions::temperature, "temperature",
    "Softness of the choice; 0 takes the most likely token.", at_least(0.0));
  d(&SamplerOptions::top_k, "top_k", "Keep this many most likely tokens; 0 keeps all.",
    at_least(0));
  d(&SamplerOptions::top_p, "top_p",
    "Keep the most likely tokens until their probabilities reach this sum; 1 keeps all.",
    between(0.0, 1.0));
  d(&SamplerOptions::min_p, "min_p",
    "Keep tokens at least this likely, as a share of the most likely one; 0 keeps all.",
    between(0.0, 1.0));
  d(&SamplerOptions::typical_p, "typical_p",
    "Keep the tokens whose surprise is nearest the expected one until their probabilities reach "
    "this sum; 1 keeps all.",
    between(0.0, 1.0));
  d(&SamplerOptions::repetition_penalty, "repetition_penalty",
    "Divide the logits of tokens already in prompt or answer by this (multiply negative ones); 1 "
    "changes nothing.",
    above(0.0));
}

/// A token that may still be chosen.
struct Candidate {
  std::int32_t id;
  float logit;
};
using Candidates = std::vector<Candidate>;

/// Tokens in `history` lose: logit / penalty when positive, logit * penalty when negative
/// (arXiv:1909.05858, section 4.1, as transformers applies it).
void penalize_repetition(Candidates& candidates, std::span<const std::int32_t> history,
                         double penalty);
/// The k largest logits and everything equal to the k-th.
void keep_top_k(Candidates& candidates, int k);
/// The smallest set of most likely tokens whose probabilities sum to at least p
/// (arXiv:1904.09751); at least one.
void keep_top_p(Candidates& candidates, double p);
/// Tokens with at least min_p times the probability of the most likely one (arXiv:2407.01082).
void keep_min_p(Candidates& candidates, double min_p);
/// The tokens whose surprise -log p is nearest the entropy, until their probabilities sum to mass
/// (arXiv:2202.00666, eq. 10).
void keep_typical(Candidates& candidates, double mass);

/// The whole chain for one set of options. Leaves at least one candidate, in order of id.
void process_candidates(Candidates& candidates, const SamplerOptions& options,
                        std::span<const std::int32_t> history);

/// Chooses tokens of one sequence. The noise for a token is a function of (seed, stream, position)
/// alone: neither batching nor what else was drawn can move it.
class Sampler {
 public:
  Sampler(SamplerOptions options, std::uint64_t stream);

  /// `logits` [V] of the token at `position`; -inf marks tokens that may not be chosen. `history`
  /// is prompt and answer so far. Throws Error(input) when no token may be chosen.
  std::int32_t choose(std::span<const float> logits, std::span<const std::int32_t> history,
                      std::uint64_t position) const;
  bool greedy() const { return options_.temperature.value_or(0) == 0; }

 private:
  SamplerOptions options_;
  RandomStream noise_;
};

/// log Σ exp, summed in f64.
double log_sum_exp(std::span<const float> logits);

}  // namespace bantam
