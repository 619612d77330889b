#include "bantam/generate/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_set>

namespace bantam {
namespace {

// Probabilities are over the candidates that are left, as transformers computes them anew in each
// processor after masking the removed ones with -inf.
struct Normalizer {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  explicit Normalizer(const Candidates& candidates) {
    for (const Candidate& c : candidates) largest = std::max(largest, double{c.logit});
    for (const Candidate& c : candidates) sum += std::exp(c.logit - largest);
  }
  double probability(float logit) const { return std::exp(logit - largest) / sum; }
  double log_probability(float logit) const { return logit - largest - std::log(sum); }
};

bool more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// Sorts the first `count` places only; a nucleus is a few hundred of 50,000 tokens.
void sort_front(Candidates& candidates, std::size_t count) {
  const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(count);
  if (middle != candidates.end()) {
    std::nth_element(candidates.begin(), middle, candidates.end(), more_likely);
  }
  std::sort(candidates.begin(), middle, more_likely);
}

}  // namespace

void penalize_repetition(Candidates& candidates, std::span<const std::int32_t> history,
                         double penalty) {
  const std::unordered_set<std::int32_t> seen(history.begin(), history.end());
  const auto factor = static_cast<float>(penalty);
  for (Candidate& c : candidates) {
    if (seen.contains(c.id)) c.logit = c.logit < 0 ? c.logit * factor : c.logit / factor;
  }
}

void keep_top_k(Candidates& candidates, int k) {
  if (k <= 0 || static_cast<std::size_t>(k) >= candidates.size()) return;
  std::nth_element(candidates.begin(), candidates.begin() + (k - 1), candidates.end(), more_likely);
  const float threshold = candidates[static_cast<std::size_t>(k - 1)].logit;
  std::erase_if(candidates, [threshold](const Candidate& c) { return c.logit < threshold; });
}

void keep_top_p(Candidates& candidates, double p) {
  if (p >= 1) return;
  const Normalizer normal(candidates);
  for (std::size_t front = 256;; front *= 8) {
    const std::size_t sorted = std::min(front, candidates.size());
    sort_front(candidates, sorted);
    double before = 0;  // probability of everything more likely
    for (std::size_t i = 0; i < sorted; ++i) {
      if (i > 0 && before >= p) {
        candidates.resize(i);
        return;
      }
      before += normal.probability(candidates[i].logit);
    }
    if (sorted == candidates.size()) return;
  }
}

void keep_min_p(Candidates& candidates, double min_p) {
  if (min_p <= 0) return;
  const Normalizer normal(candidates);
  const double threshold = min_p / normal.sum;  // the most likely one has probability 1 / sum
  std::erase_if(candidates, [&](const Candidate& c) {
    return normal.probability(c.logit) < threshold && c.logit < normal.largest;
  });
}

void keep_typical(Candidates& candidates, double mass) {
  if (mass >= 1) return;
  const Normalizer normal(candidates);
  double entropy = 0;
  for (const Candidate& c : candidates) {
    const double log_p = normal.log_probability(c.logit);
    entropy -= std::exp(log_p) * log_p;
  }
  struct Ranked {
    double distance;
    Candidate candidate;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(candidates.size());
  for (const Candidate& c : candidates) {
    ranked.push_back({std::abs(-normal.log_probability(c.logit) - entropy), c});
  }
  std::ranges::sort(ranked, [](const Ranked& a, const Ranked& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.candidate.id < b.candidate.id;
  });
  std::size_t last = 0;
  for (double sum = 0; last < ranked.size(); ++last) {
    sum += normal.probability(ranked[last].candidate.logit);
    if (sum >= mass) break;
  }
  const double threshold = ranked[std::min(last, ranked.size() - 1)].distance;
  candidates.clear();
  for (const Ranked& r : ranked) {
    if (r.distance <= threshold) candidates.push_back(r.candidate);
  }
}

void process_candidates(Candidates& candidates, const SamplerOptions& options,
                        std::span<const std::int32_t> history) {
  if (options.repetition_penalty.value_or(1) != 1) {
    penalize_repetition(candidates, history, *options.repetition_penalty);
  }
  const double temperature = options.temperature.value_or(0);
  if (temperature > 0) {
    for (Candidate& c : candidates) c.logit = static_cast<float>(c.logit / temperature);
    keep_top_k(candidates, options.top_k.value_or(0));
    keep_top_p(candidates, options.top_p.value_or(1));
    keep_min_p(candidates, options.min_p.value_or(0));
    keep_typical(candidates, options.typical_p.value_or(1));
  }
  std::ranges::sort(candidates, {}, &Candidate::id);
}

Sampler::Sampler(SamplerOptions options, std::uint64_t stream)
    : options_(options), noise_(static_cast<std::uint64_t>(options.seed), "sampler", stream) {}

std::int32_t Sampler::choose(std::span<const float> logits, std::span<const std::int32_t> history,
                             std::uint64_t position) const {
  if (greedy() && options_.repetition_penalty.value_or(1) == 1) return most_likely(logits);
  Candidates candidates;
  candidates.reserve(logits.size());
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > -std::numeric_limits<float>::infinity()) {
      candidates.push_back({static_cast<std::int32_t>(id), logits[id]});
    }
  }
  if (candidates.empty()) throw input_error("sampler: no token is left to choose from");
  process_candidates(candidates, options_, history);
  if (greedy()) return std::ranges::min_element(candidates, more_likely)->id;
  const Normalizer normal(candidates);
  // In order of id, not of logit: two nearly equal logits that swap must not move the draw.
  const double target = noise_.uniform_at(position) * normal.sum;
  double sum = 0;
  for (const Candidate& c : candidates) {
    sum += std::exp(c.logit - normal.largest);
    if (sum > target) return c.id;
  }
  return candidates.back().id;
}

std::int32_t most_likely(std::span<const float> logits) {
  // The maximum in lanes, which compiles to vectors, then its first place.
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> largest;
  largest.fill(-std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float logit = logits[i + lane];
      largest[lane] = logit > largest[lane] ? logit : largest[lane];
    }
  }
  float most = std::ranges::max(largest);
  for (; i < logits.size(); ++i) most = std::max(most, logits[i]);
  return static_cast<std::int32_t>(std::ranges::find(logits, most) - logits.begin());
}

double log_sum_exp(std::span<const float> logits) {
  float largest = -std::numeric_limits<float>::infinity();
  for (const float logit : logits) largest = std::max(largest, logit);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

}  // namespace bantam
