// Q5_0: 32 elements, one f16 scale, 5-bit levels around 16: x = scale * (level - 16). 5.5 bits an
// element. The low four bits lie as in Q4_0; bit i of `fifth_bits` (little endian) is element i's.
#pragma once

#include <cstdint>
#include <cstring>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"

namespace bantam {

struct Q5_0Block {
  static constexpr DType kType = DType::q5_0;
  static constexpr int kElements = 32;
  std::uint16_t scale;  ///< f16
  std::uint8_t fifth_bits[4];
  std::uint8_t levels[16];
};
static_assert(sizeof(Q5_0Block) == 22);

inline void decode(const Q5_0Block& block, float* out) {
  const float scale = f16_to_float(block.scale);
  std::uint32_t fifth;
  std::memcpy(&fifth, block.fifth_bits, sizeof fifth);
  for (int i = 0; i < 16; ++i) {
    const int low = (block.levels[i] & 15) | static_cast<int>(((fifth >> i) & 1) << 4);
    const int high = (block.levels[i] >> 4) | static_cast<int>(((fifth >> (i + 16)) & 1) << 4);
    out[i] = scale * static_cast<float>(low - 16);
    out[i + 16] = scale * static_cast<float>(high - 16);
  }
}

inline void encode(const float* x, Q5_0Block& block) {
  const float scale = largest_magnitude(x, 32) / -16;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  block.scale = float_to_f16(scale);
  std::uint32_t fifth = 0;
  for (int i = 0; i < 16; ++i) {
    const int low = truncated_level(x[i] * inverse + 16.5f, 31);
    const int high = truncated_level(x[i + 16] * inverse + 16.5f, 31);
    block.levels[i] = static_cast<std::uint8_t>((low & 15) | ((high & 15) << 4));
    fifth |= static_cast<std::uint32_t>(low >> 4) << i;
    fifth |= static_cast<std::uint32_t>(high >> 4) << (i + 16);
  }
  std::memcpy(block.fifth_bits, &fifth, sizeof fifth);
}

inline bool has_finite_scales(const Q5_0Block& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
