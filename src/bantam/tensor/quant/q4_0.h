// Q4_0: 32 elements, one f16 scale, 4-bit levels around 8: x = scale * (level - 8). 4.5 bits an
// element. Byte i holds element i (low half) and element i + 16 (high half).
#pragma once

#include <cmath>
#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"

namespace bantam {

struct Q4_0Block {
  static constexpr DType kType = DType::q4_0;
  static constexpr int kElements = 32;
  std::uint16_t scale;  ///< f16
  std::uint8_t levels[16];
};
static_assert(sizeof(Q4_0Block) == 18);

inline void decode(const Q4_0Block& block, float* out) {
  const float scale = f16_to_float(block.scale);
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>((block.levels[i] & 15) - 8);
    out[i + 16] = scale * static_cast<float>((block.levels[i] >> 4) - 8);
  }
}

// The element of largest magnitude lands exactly on level 0, the one level without a mirror image.
inline void encode(const float* x, Q4_0Block& block) {
  const float scale = largest_magnitude(x, 32) / -8;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  block.scale = float_to_f16(scale);
  for (int i = 0; i < 16; ++i) {
    const int low = truncated_level(x[i] * inverse + 8.5f, 15);
    const int high = truncated_level(x[i + 16] * inverse + 8.5f, 15);
    block.levels[i] = static_cast<std::uint8_t>(low | (high << 4));
  }
}

inline bool has_finite_scales(const Q4_0Block& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
