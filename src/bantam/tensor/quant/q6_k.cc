#include "bantam/tensor/quant/q6_k.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bantam {
namespace {

constexpr int kGroup = 16;
constexpr int kHalfRange = 32;
// Groups smaller than this count as zero: their scale would not survive the f16 of the block.
constexpr float kNothing = 1e-15f;

// Scale with which levels -32 … 31 come closest to x, errors weighted by x².
float fit_group(const float* x) {
  const float largest = largest_magnitude(x, kGroup);
  if (!(std::fabs(largest) >= kNothing)) return 0;
  float best_scale = 0, best_score = 0;
  // Step 0 maps the largest element to -32 exactly; it goes first so that others must beat it.
  for (const int step : {0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
    const float inverse = -(kHalfRange + 0.1f * static_cast<float>(step)) / largest;
    float sum_x_level = 0, sum_level2 = 0;
    for (int i = 0; i < kGroup; ++i) {
      const int nearest = nearest_integer(inverse * x[i]);
      const auto level = static_cast<float>(std::clamp(nearest, -kHalfRange, kHalfRange - 1));
      const float weight = x[i] * x[i];
      sum_x_level += weight * x[i] * level;
      sum_level2 += weight * level * level;
    }
    // For given levels the best scale is sum_x_level / sum_level2 and the error falls by their
    // product.
    if (sum_level2 > 0 && sum_x_level * sum_x_level > best_score * sum_level2) {
      best_scale = sum_x_level / sum_level2;
      best_score = best_scale * sum_x_level;
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
  std::array<float, 16> scales;
  float top = 0;
  for (int group = 0; group < 16; ++group) {
    scales[group] = fit_group(x + group * kGroup);
    if (std::fabs(scales[group]) > std::fabs(top)) top = scales[group];
  }
  if (!(std::fabs(top) >= kNothing)) return;
  const float inverse = -128.0f / top;
  block.scale = float_to_f16(1.0f / inverse);
  for (int group = 0; group < 16; ++group) {
    const int level = std::clamp(nearest_integer(inverse * scales[group]), -128, 127);
    block.group_scales[group] = static_cast<std::int8_t>(level);
    const float scale = f16_to_float(block.scale) * static_cast<float>(level);
    for (int i = 0; i < kGroup; ++i) {
      const int element = group * kGroup + i;
      // ggml leaves the levels of the scale search in a group whose scale rounds to zero; they
      // decode to zero whatever they are.
      const int nearest = scale == 0 ? 0 : nearest_integer(x[element] / scale);
      pack_level(block, element, std::clamp(nearest, -kHalfRange, kHalfRange - 1) + kHalfRange);
    }
  }
}

}  // namespace bantam
