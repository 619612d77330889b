#include "bantam/stats/paired_tests.h"

#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"

namespace bantam {
namespace {

/// P(X <= k) for X ~ Binomial(n, 1/2), k <= n/2. Terms come from log-gamma: n choose k overflows a
/// double past n = 1,029.
double binomial_half_cumulative(std::int64_t k, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i <= k; ++i) {
    const double log_term =
        std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(i) + 1) -
        std::lgamma(static_cast<double>(n - i) + 1) - static_cast<double>(n) * std::log(2.0);
    sum += std::exp(log_term);
  }
  return sum;
}

}  // namespace

McNemar mcnemar(std::span<const std::uint8_t> right_before,
                std::span<const std::uint8_t> right_after) {
  if (right_before.size() != right_after.size()) {
    throw input_error("McNemar: expected the same items from both, found {} before and {} after",
                      right_before.size(), right_after.size());
  }
  McNemar result;
  for (std::size_t i = 0; i < right_before.size(); ++i) {
    if (!right_before[i] && right_after[i]) ++result.fixed;
    if (right_before[i] && !right_after[i]) ++result.broken;
  }
  const std::int64_t changed = result.fixed + result.broken;
  if (changed > 0) {
    result.p =
        std::min(1.0, 2 * binomial_half_cumulative(std::min(result.fixed, result.broken), changed));
  }
  return result;
}

}  // namespace bantam
