// What the block encoders share: picking levels the way ggml's reference code does, to the bit.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "bantam/tensor/float16.h"

namespace bantam {

/// The first element of largest magnitude, with its sign.
inline float largest_magnitude(const float* x, int count) {
  float magnitude = 0, value = 0;
  for (int i = 0; i < count; ++i) {
    if (std::fabs(x[i]) > magnitude) {
      magnitude = std::fabs(x[i]);
      value = x[i];
    }
  }
  return value;
}

/// Truncates into 0 … top; NaN becomes 0 (a plain cast of it would be undefined).
inline int truncated_level(float value, int top) {
  return value > 0 ? static_cast<int>(std::min(value, static_cast<float>(top))) : 0;
}

/// Nearest integer, ties to even, for |value| < 2^22: adding 1.5 * 2^23 leaves it in the mantissa.
inline int nearest_integer(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 12582912.0f);
  return static_cast<int>(bits & 0x007fffffu) - 0x00400000;
}

/// Groups whose elements are all smaller count as zero.
constexpr float kNothing = 1e-15f;

inline bool is_finite_f16(std::uint16_t half) { return (half & 0x7c00u) != 0x7c00u; }

}  // namespace bantam
