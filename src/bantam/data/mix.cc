#include "bantam/data/mix.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "bantam/base/error.h"
#include "bantam/base/random.h"

namespace bantam {

std::vector<std::int64_t> mixture_counts(std::span<const std::int64_t> sizes,
                                         std::span<const double> weights, std::int64_t rows) {
  double sum = 0;
  for (const double weight : weights) {
    if (!(weight > 0) || !std::isfinite(weight))
      throw usage_error("mix: expected weights above 0, found {}", weight);
    sum += weight;
  }
  for (const std::int64_t size : sizes) {
    if (size < 1) throw usage_error("mix: a source has no rows");
  }
  double total = static_cast<double>(rows);
  if (rows <= 0) {
    total = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      total = std::min(total, static_cast<double>(sizes[i]) * sum / weights[i]);
    }
    total = std::floor(total + 1e-9);
  }
  // Largest remainders: every count is within one of its exact share.
  std::vector<std::int64_t> counts(sizes.size());
  std::vector<double> remainders(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double share = total * weights[i] / sum;
    counts[i] = static_cast<std::int64_t>(std::floor(share + 1e-9));
    remainders[i] = share - static_cast<double>(counts[i]);
  }
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  auto left = static_cast<std::int64_t>(total) -
              std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  for (const std::size_t i : order) {
    if (left <= 0) break;
    if (rows <= 0 && counts[i] >= sizes[i]) continue;
    ++counts[i];
    --left;
  }
  return counts;
}

std::vector<Row> mix(std::vector<std::vector<Row>> sources, std::span<const double> weights,
                     const MixOptions& options) {
  if (sources.size() != weights.size()) {
    throw usage_error("mix: {} sources but {} weights", sources.size(), weights.size());
  }
  std::vector<std::int64_t> sizes;
  for (const auto& source : sources) sizes.push_back(static_cast<std::int64_t>(source.size()));
  const auto counts = mixture_counts(sizes, weights, options.rows);

  std::vector<Row> drawn;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    std::vector<std::uint32_t> order;
    for (std::int64_t i = 0; i < counts[s]; ++i) {
      const std::int64_t round = i / sizes[s], place = i % sizes[s];
      if (place == 0) {
        order =
            RandomStream(options.seed, fmt::format("mix-{}", s), static_cast<std::uint64_t>(round))
                .permutation(static_cast<std::uint32_t>(sizes[s]));
      }
      Row row = sources[s][order[static_cast<std::size_t>(place)]];
      if (round > 0) row.id += fmt::format("~{}", round + 1);
      drawn.push_back(std::move(row));
    }
  }
  std::vector<Row> mixed;
  mixed.reserve(drawn.size());
  for (const std::uint32_t i : RandomStream(options.seed, "mix-order")
                                   .permutation(static_cast<std::uint32_t>(drawn.size()))) {
    mixed.push_back(std::move(drawn[i]));
  }
  return mixed;
}

}  // namespace bantam
