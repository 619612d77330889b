#include "bantam/stats/quantile.h"

#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"

namespace bantam {

double quantile_of_sorted(std::span<const double> sorted, double fraction) {
  if (sorted.empty()) throw input_error("quantile: the sample is empty (n = 0)");
  if (!(fraction >= 0 && fraction <= 1)) {
    throw usage_error("quantile: expected a fraction from 0 to 1, found {}", fraction);
  }
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace bantam
