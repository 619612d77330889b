// Q8_0: 32 elements, one f16 scale, signed 8-bit levels: x = scale * level. 8.5 bits an element.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"

namespace bantam {

struct Q8_0Block {
  static constexpr DType kType = DType::q8_0;
  static constexpr int kElements = 32;
  std::uint16_t scale;  ///< f16
  std::int8_t levels[32];
};
static_assert(sizeof(Q8_0Block) == 34);

inline void decode(const Q8_0Block& block, float* out) {
  const float scale = f16_to_float(block.scale);
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(block.levels[i]);
}

inline void encode(const float* x, Q8_0Block& block) {
  const float scale = std::fabs(largest_magnitude(x, 32)) / 127;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  block.scale = float_to_f16(scale);
  for (int i = 0; i < 32; ++i) {
    // Halves round away from zero here, unlike everywhere else: ggml's choice.
    const float level = std::round(x[i] * inverse);
    block.levels[i] = std::isnan(level)
                          ? std::int8_t{0}
                          : static_cast<std::int8_t>(std::clamp(level, -127.0f, 127.0f));
  }
}

inline bool has_finite_scales(const Q8_0Block& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
