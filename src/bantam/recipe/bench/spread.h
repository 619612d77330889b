// Repeated measurements of one thing.
#pragma once

#include <vector>

namespace bantam {

/// The median of a few measurements, with the least and the largest of them.
struct Spread {
  double median = 0, low = 0, high = 0;
  int count = 0;
  /// (high - low) / median: how far to trust the median. 0 for a single measurement.
  double relative() const { return median == 0 ? 0 : (high - low) / median; }
};

/// Throws Error(internal) when there are no samples.
Spread spread_of(std::vector<double> samples);

}  // namespace bantam
