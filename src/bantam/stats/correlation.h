// How close numbers are to those that they should be, and whether they are in the same order.
#pragma once

#include <span>

namespace bantam {

/// Spearman's rank correlation: Pearson's of the ranks, ties having their mean rank; in [-1, 1]. 0
/// when either side is constant, whose order says nothing. Throws Error(input) for fewer than two
/// pairs and for different lengths.
double spearman_correlation(std::span<const double> a, std::span<const double> b);

/// sqrt(mean((a - b)²)). Throws Error(input) for no pairs and for different lengths.
double root_mean_square_error(std::span<const double> a, std::span<const double> b);

}  // namespace bantam
