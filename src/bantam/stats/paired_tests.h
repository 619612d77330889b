// Tests of two systems answering the same items.
#pragma once

#include <cstdint>
#include <span>

namespace bantam {

/// McNemar's test in its exact form: under the null hypothesis an item on which exactly one system
/// is right favours either with probability 1/2, so min(fixed, broken) is binomial (McNemar 1947;
/// Fagerland et al. 2013, "exact conditional").
struct McNemar {
  std::int64_t fixed = 0;   ///< wrong before, right after
  std::int64_t broken = 0;  ///< right before, wrong after
  double p = 1;             ///< two-sided; 1 when no item changed
};

/// One entry an item, non-zero when right. Throws Error(input) on different lengths.
McNemar mcnemar(std::span<const std::uint8_t> right_before,
                std::span<const std::uint8_t> right_after);

}  // namespace bantam
