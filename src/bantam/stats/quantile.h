// Quantiles of a sample, by linear interpolation between order statistics (type 7 of Hyndman & Fan
// 1996, the default of R and NumPy).
#pragma once

#include <span>

namespace bantam {

/// `sorted` ascending; `fraction` in [0, 1]. Throws Error(input) on an empty sample: it has no
/// quantiles.
double quantile_of_sorted(std::span<const double> sorted, double fraction);

}  // namespace bantam
