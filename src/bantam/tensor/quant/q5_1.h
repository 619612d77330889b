// Q5_1: 32 elements, f16 scale and minimum, 5-bit levels: x = scale * level + minimum. 6 bits an
// element. The low four bits lie as in Q4_1; bit i of `fifth_bits` (little endian) is element i's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"

namespace bantam {

struct Q5_1Block {
  static constexpr DType kType = DType::q5_1;
  static constexpr int kElements = 32;
  std::uint16_t scale, minimum;  ///< f16
  std::uint8_t fifth_bits[4];
  std::uint8_t levels[16];
};
static_assert(sizeof(Q5_1Block) == 24);

inline void decode(const Q5_1Block& block, float* out) {
  const float scale = f16_to_float(block.scale);
  const float minimum = f16_to_float(block.minimum);
  std::uint32_t fifth;
  std::memcpy(&fifth, block.fifth_bits, sizeof fifth);
  for (int i = 0; i < 16; ++i) {
    const int low = (block.levels[i] & 15) | static_cast<int>(((fifth >> i) & 1) << 4);
    const int high = (block.levels[i] >> 4) | static_cast<int>(((fifth >> (i + 16)) & 1) << 4);
    out[i] = scale * static_cast<float>(low) + minimum;
    out[i + 16] = scale * static_cast<float>(high) + minimum;
  }
}

inline void encode(const float* x, Q5_1Block& block) {
  const auto [least, greatest] = std::minmax_element(x, x + 32);
  const float minimum = *least;
  const float scale = (*greatest - minimum) / 31;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  block.scale = float_to_f16(scale);
  block.minimum = float_to_f16(minimum);
  std::uint32_t fifth = 0;
  for (int i = 0; i < 16; ++i) {
    const int low = truncated_level((x[i] - minimum) * inverse + 0.5f, 31);
    const int high = truncated_level((x[i + 16] - minimum) * inverse + 0.5f, 31);
    block.levels[i] = static_cast<std::uint8_t>((low & 15) | ((high & 15) << 4));
    fifth |= static_cast<std::uint32_t>(low >> 4) << i;
    fifth |= static_cast<std::uint32_t>(high >> 4) << (i + 16);
  }
  std::memcpy(block.fifth_bits, &fifth, sizeof fifth);
}

inline bool has_finite_scales(const Q5_1Block& block) {
  return is_finite_f16(block.scale) && is_finite_f16(block.minimum);
}

}  // namespace bantam
