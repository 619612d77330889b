// Q4_1: 32 elements, f16 scale and minimum, 4-bit levels: x = scale * level + minimum. 5 bits an
// element. Byte i holds element i (low half) and element i + 16 (high half).
#pragma once

#include <algorithm>
#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"

namespace bantam {

struct Q4_1Block {
  static constexpr DType kType = DType::q4_1;
  static constexpr int kElements = 32;
  std::uint16_t scale, minimum;  ///< f16
  std::uint8_t levels[16];
};
static_assert(sizeof(Q4_1Block) == 20);

inline void decode(const Q4_1Block& block, float* out) {
  const float scale = f16_to_float(block.scale);
  const float minimum = f16_to_float(block.minimum);
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>(block.levels[i] & 15) + minimum;
    out[i + 16] = scale * static_cast<float>(block.levels[i] >> 4) + minimum;
  }
}

inline void encode(const float* x, Q4_1Block& block) {
  const auto [least, greatest] = std::minmax_element(x, x + 32);
  const float minimum = *least;
  const float scale = (*greatest - minimum) / 15;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  block.scale = float_to_f16(scale);
  block.minimum = float_to_f16(minimum);
  for (int i = 0; i < 16; ++i) {
    const int low = truncated_level((x[i] - minimum) * inverse + 0.5f, 15);
    const int high = truncated_level((x[i + 16] - minimum) * inverse + 0.5f, 15);
    block.levels[i] = static_cast<std::uint8_t>(low | (high << 4));
  }
}

inline bool has_finite_scales(const Q4_1Block& block) {
  return is_finite_f16(block.scale) && is_finite_f16(block.minimum);
}

}  // namespace bantam
