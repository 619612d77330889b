// Percentile bootstrap intervals (Efron & Tibshirani 1993, "An introduction to the bootstrap",
// chapter 13).
//
// Rows are resampled with replacement; the interval is the middle `level` of the resampled
// statistic. Resample r draws from the random stream (seed, "bootstrap", r), so the result depends
// on neither threads nor the order of calls.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace bantam {

struct Interval {
  double value;  ///< the statistic of the sample itself
  double low, high;
};

struct BootstrapOptions {
  double level = 0.95;  ///< share of the resampled values inside the interval, above 0 and below 1
  int resamples = 2000;
  std::uint64_t seed = 1234;
};

/// Interval of the mean. Throws Error(input) when there are no values: a score of nothing is
/// undefined, not 0.
Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {});

/// Interval of any statistic of `count` rows; `statistic` gets the chosen rows' indices, repeats
/// included, and is called resamples + 1 times, on one thread. Throws Error(input) when count is 0.
Interval bootstrap_statistic(std::uint32_t count,
                             const std::function<double(std::span<const std::uint32_t>)>& statistic,
                             const BootstrapOptions& options = {});

/// Interval of mean(after) - mean(before), where both hold one score for each row in the same
/// order: rows are resampled as pairs, which removes the variance that the systems share. Throws
/// Error(input) on different lengths or no rows.
Interval bootstrap_paired_difference(std::span<const double> before, std::span<const double> after,
                                     const BootstrapOptions& options = {});

}  // namespace bantam
