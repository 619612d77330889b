#include "bantam/stats/bootstrap.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/random.h"
#include "bantam/stats/quantile.h"

namespace bantam {

Interval bootstrap_statistic(std::uint32_t count,
                             const std::function<double(std::span<const std::uint32_t>)>& statistic,
                             const BootstrapOptions& options) {
  if (count == 0) throw input_error("bootstrap: there are no rows (n = 0), so no score exists");
  if (!(options.level > 0 && options.level < 1)) {
    throw usage_error("bootstrap: expected a level between 0 and 1, found {}", options.level);
  }
  if (options.resamples < 1) {
    throw usage_error("bootstrap: expected at least 1 resample, found {}", options.resamples);
  }
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  Interval result{};
  result.value = statistic(rows);

  std::vector<double> resampled(static_cast<std::size_t>(options.resamples));
  for (std::size_t r = 0; r < resampled.size(); ++r) {
    RandomStream stream(options.seed, "bootstrap", r);
    for (std::uint32_t& row : rows) row = static_cast<std::uint32_t>(stream.next_below(count));
    resampled[r] = statistic(rows);
  }
  std::sort(resampled.begin(), resampled.end());
  const double tail = (1 - options.level) / 2;
  result.low = quantile_of_sorted(resampled, tail);
  result.high = quantile_of_sorted(resampled, 1 - tail);
  return result;
}

Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  return bootstrap_statistic(
      static_cast<std::uint32_t>(values.size()),
      [values](std::span<const std::uint32_t> rows) {
        double sum = 0;
        for (const std::uint32_t row : rows) sum += values[row];
        return sum / static_cast<double>(rows.size());
      },
      options);
}

Interval bootstrap_paired_difference(std::span<const double> before, std::span<const double> after,
                                     const BootstrapOptions& options) {
  if (before.size() != after.size()) {
    throw input_error(
        "paired bootstrap: expected one score a row from both, found {} before and {} after",
        before.size(), after.size());
  }
  std::vector<double> differences(after.size());
  std::transform(after.begin(), after.end(), before.begin(), differences.begin(), std::minus<>());
  return bootstrap_mean(differences, options);
}

}  // namespace bantam
