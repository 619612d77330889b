#include "bantam/stats/correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "bantam/base/error.h"

namespace bantam {
namespace {

void require_pairs(std::span<const double> a, std::span<const double> b, std::size_t least) {
  if (a.size() == b.size() && a.size() >= least) return;
  throw input_error("expected at least {} pairs of numbers, found {} and {}", least, a.size(),
                    b.size());
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double pearson(std::span<const double> a, std::span<const double> b) {
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double together = 0, alone_a = 0, alone_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    together += (a[i] - mean_a) * (b[i] - mean_b);
    alone_a += (a[i] - mean_a) * (a[i] - mean_a);
    alone_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return alone_a == 0 || alone_b == 0 ? 0 : together / std::sqrt(alone_a * alone_b);
}

// From 1; equal values share the mean of their ranks.
std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      ranks[order[i]] = 0.5 * static_cast<double>(begin + 1 + end);
    }
  }
  return ranks;
}

}  // namespace

double spearman_correlation(std::span<const double> a, std::span<const double> b) {
  require_pairs(a, b, 2);
  return pearson(ranks_of(a), ranks_of(b));
}

double root_mean_square_error(std::span<const double> a, std::span<const double> b) {
  require_pairs(a, b, 1);
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares / static_cast<double>(a.size()));
}

}  // namespace bantam
