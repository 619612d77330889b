// Limited-memory BFGS for smooth functions of many variables (Nocedal & Wright 2006,
// algorithms 7.4, 7.5, 3.5, 3.6).
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace bantam {

struct LbfgsOptions {
  int history = 10;  ///< pairs of step and gradient change that shape the metric
  int max_iterations = 1000;
  double tolerance = 1e-6;  ///< stop when the largest absolute gradient entry is at most this
};

struct LbfgsResult {
  double value = 0;
  double largest_gradient = 0;
  int iterations = 0;
  bool converged =
      false;  ///< false: stopped by max_iterations, or no step lowers the function any more
};

/// Adds the gradient at x to its second argument, which has the length of x and holds zeros, and
/// returns the value.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

/// Moves `x` to a local minimum. Throws Error(input) when value or gradient at the start is not
/// finite.
LbfgsResult minimize_lbfgs(const SmoothFunction& function, std::span<double> x,
                           const LbfgsOptions& options = {});

}  // namespace bantam
