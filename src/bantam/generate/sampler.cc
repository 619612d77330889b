#include "bantam/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_set>

#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

double largest_logit(const Candidates& candidates) {
  float largest = -std::numeric_limits<float>::infinity();
  for (const Candidate& c : candidates) largest = std::max(largest, c.logit);
  return largest;
}

// Probabilities are over the candidates that are left, as transformers computes them anew in each
// processor after masking the removed ones with -inf.
struct Normalizer {
  double largest, sum = 0, log_sum;
  explicit Normalizer(const Candidates& candidates) : largest(largest_logit(candidates)) {
    for (const Candidate& c : candidates) sum += std::exp(c.logit - largest);
    log_sum = std::log(sum);
  }
  double probability(float logit) const { return std::exp(logit - largest) / sum; }
  double log_probability(float logit) const { return logit - largest - log_sum; }
};

bool more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// Calls visit(i) for places 0, 1, … until it returns false, and sorts no more of `items` than that
// takes: a nucleus is a few hundred of 50,000 tokens.
template <class Item, class Less, class Visit>
void visit_sorted(std::vector<Item>& items, Less less, Visit visit) {
  std::size_t sorted = 0;
  for (std::size_t front = 256; sorted < items.size(); front *= 8) {
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(sorted);
    const auto middle = items.begin() + static_cast<std::ptrdiff_t>(std::min(front, items.size()));
    if (middle != items.end()) std::nth_element(begin, middle, items.end(), less);
    std::sort(begin, middle, less);
    for (; items.begin() + static_cast<std::ptrdiff_t>(sorted) != middle; ++sorted) {
      if (!visit(sorted)) return;
    }
  }
}

// The k-th largest logit. The largest seen so far wait in a buffer, which is cut to k when it is
// full; most tokens are below what it holds by then and cost one comparison.
float kth_logit(const Candidates& candidates, std::size_t k) {
  std::vector<float> most;
  most.reserve(2 * k);
  float least = -std::numeric_limits<float>::infinity();
  const auto cut = [&] {
    const auto kth = most.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(most.begin(), kth, most.end(), std::greater<>());
    least = *kth;
    most.resize(k);
  };
  for (const Candidate& c : candidates) {
    if (most.size() >= k && c.logit <= least) continue;
    most.push_back(c.logit);
    if (most.size() == 2 * k) cut();
  }
  cut();
  return least;
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
  const float threshold = kth_logit(candidates, static_cast<std::size_t>(k));
  std::erase_if(candidates, [threshold](const Candidate& c) { return c.logit < threshold; });
}

void keep_top_p(Candidates& candidates, double p) {
  if (p >= 1) return;
  const Normalizer normal(candidates);
  // Tokens below this share of 1 - p have less than 1 - p together: the set is full before them. A
  // little is left for rounding.
  const double share = (1 - p) / static_cast<double>(candidates.size());
  const double least = normal.largest + normal.log_sum + std::log(share) - 1e-6;
  std::erase_if(candidates, [least](const Candidate& c) { return c.logit < least; });
  double before = 0;  // probability of everything more likely
  std::size_t kept = 0;
  visit_sorted(candidates, more_likely, [&](std::size_t i) {
    if (i > 0 && before >= p) return false;
    before += normal.probability(candidates[i].logit);
    kept = i + 1;
    return true;
  });
  candidates.resize(kept);
}

void keep_min_p(Candidates& candidates, double min_p) {
  if (min_p <= 0) return;
  // p >= min_p * largest p, in logs.
  const double least = largest_logit(candidates) + std::log(min_p);
  std::erase_if(candidates, [least](const Candidate& c) { return c.logit < least; });
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
  const auto nearer = [](const Ranked& a, const Ranked& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.candidate.id < b.candidate.id;
  };
  double sum = 0, threshold = 0;
  visit_sorted(ranked, nearer, [&](std::size_t i) {
    threshold = ranked[i].distance;
    sum += normal.probability(ranked[i].candidate.logit);
    return sum < mass;
  });
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
  if (!std::ranges::is_sorted(candidates, {}, &Candidate::id)) {
    std::ranges::sort(candidates, {}, &Candidate::id);
  }
}

Sampler::Sampler(SamplerOptions options, std::uint64_t stream)
    : options_(options), noise_(static_cast<std::uint64_t>(options.seed), "sampler", stream) {}

std::int32_t Sampler::choose(std::span<const float> logits, std::span<const std::int32_t> history,
                             std::uint64_t position) const {
  if (greedy() && options_.repetition_penalty.value_or(1) == 1) {
    return static_cast<std::int32_t>(argmax(logits));
  }
  // As long as the vocabulary: their memory waits for the next token.
  thread_local Candidates candidates;
  thread_local std::vector<double> weights;
  candidates.clear();
  candidates.reserve(logits.size());
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > -std::numeric_limits<float>::infinity()) {
      candidates.push_back({static_cast<std::int32_t>(id), logits[id]});
    }
  }
  if (candidates.empty()) throw input_error("sampler: no token is left to choose from");
  process_candidates(candidates, options_, history);
  if (greedy()) return std::ranges::min_element(candidates, more_likely)->id;
  const double largest = largest_logit(candidates);
  double total = 0;
  weights.clear();
  for (const Candidate& c : candidates) {
    weights.push_back(std::exp(c.logit - largest));
    total += weights.back();
  }
  // In order of id, not of logit: two nearly equal logits that swap must not move the draw.
  const double target = noise_.uniform_at(position) * total;
  double sum = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    sum += weights[i];
    if (sum > target) return candidates[i].id;
  }
  return candidates.back().id;
}

double log_sum_exp(std::span<const float> logits) {
  float largest = -std::numeric_limits<float>::infinity();
  for (const float logit : logits) largest = std::max(largest, logit);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

}  // namespace bantam
