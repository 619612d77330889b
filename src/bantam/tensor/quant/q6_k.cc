#include "bantam/tensor/quant/q6_k.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bantam {
namespace {

constexpr int kGroup = 16;
constexpr int kHalfRange = 32;

int level_of(float value) {
  return std::clamp(nearest_integer(value), -kHalfRange, kHalfRange - 1);
}

// Scale with which levels come closest to x, errors weighted by x², and these levels from 0 on.
float fit_group(const float* x, std::uint8_t* levels) {
  const float largest = largest_magnitude(x, kGroup);
  std::fill_n(levels, kGroup, std::uint8_t{0});
  if (!(std::fabs(largest) >= kNothing)) return 0;
  float best_scale = 0, best_score = 0;
  // Step 0 maps the largest element to -32 exactly; it goes first so that others must beat it.
  for (const int step : {0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
    const float inverse = -(kHalfRange + 0.1f * static_cast<float>(step)) / largest;
    float sum_x_level = 0, sum_level2 = 0;
    for (int i = 0; i < kGroup; ++i) {
      const auto level = static_cast<float>(level_of(inverse * x[i]));
      const float weight = x[i] * x[i];
      sum_x_level += weight * x[i] * level;
      sum_level2 += weight * level * level;
    }
    // For given levels the best scale is sum_x_level / sum_level2 and the error falls by their
    // product.
    if (step != 0 && !(sum_level2 > 0 && sum_x_level * sum_x_level > best_score * sum_level2)) {
      continue;
    }
    best_scale = sum_level2 != 0 ? sum_x_level / sum_level2 : 0;
    best_score = best_scale * sum_x_level;
    for (int i = 0; i < kGroup; ++i) {
      levels[i] = static_cast<std::uint8_t>(level_of(inverse * x[i]) + kHalfRange);
    }
  }
  return best_scale;
}

void pack_level(Q6_KBlock& block, int element, int level) {
  const int half = element / 128, run = element % 128 / 32, i = element % 32;
  block.low_bits[half * 64 + run % 2 * 32 + i] |=
      static_cast<std::uint8_t>((level & 15) << (run / 2 * 4));
  block.upper_bits[half * 32 + i] |= static_cast<std::uint8_t>((level >> 4) << (2 * run));
}

}  // namespace

void encode(const float* x, Q6_KBlock& block) {
  block = {};
  std::uint8_t levels[256];
  std::array<float, 16> scales;
  float top = 0;
  for (int group = 0; group < 16; ++group) {
    scales[group] = fit_group(x + group * kGroup, levels + group * kGroup);
    if (std::fabs(scales[group]) > std::fabs(top)) top = scales[group];
  }
  if (!(std::fabs(top) >= kNothing)) return;
  const float inverse = -128.0f / top;
  block.scale = float_to_f16(1.0f / inverse);
  for (int group = 0; group < 16; ++group) {
    const int level = std::clamp(nearest_integer(inverse * scales[group]), -128, 127);
    block.group_scales[group] = static_cast<std::int8_t>(level);
    const float scale = f16_to_float(block.scale) * static_cast<float>(level);
    for (int i = group * kGroup; i < (group + 1) * kGroup; ++i) {
      // Where the scale rounds to zero the levels of the search stay; they decode to zero.
      if (scale != 0) levels[i] = static_cast<std::uint8_t>(level_of(x[i] / scale) + kHalfRange);
      pack_level(block, i, levels[i]);
    }
  }
}

}  // namespace bantam
