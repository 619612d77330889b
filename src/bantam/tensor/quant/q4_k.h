// Q4_K: 256 elements in 8 groups of 32; each group has a 6-bit scale and a 6-bit minimum, both in
// units of two f16 numbers of the block: x = scale * group_scale * level - minimum * group_minimum.
// 4.5 bits an element.
#pragma once

#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/k_group_scales.h"
#include "bantam/tensor/quant/level.h"

namespace bantam {

struct Q4_KBlock {
  static constexpr DType kType = DType::q4_k;
  static constexpr int kElements = 256;
  std::uint16_t scale, minimum;  ///< f16
  std::uint8_t group_scales[12];
  std::uint8_t levels[128];  ///< 64 elements a 32 bytes: first 32 in the low halves
};
static_assert(sizeof(Q4_KBlock) == 144);

inline void decode(const Q4_KBlock& block, float* out) {
  const float scale = f16_to_float(block.scale);
  const float minimum = f16_to_float(block.minimum);
  for (int pair = 0; pair < 4; ++pair) {
    const std::uint8_t* levels = block.levels + pair * 32;
    const GroupScale low = group_scale(block, 2 * pair), high = group_scale(block, 2 * pair + 1);
    const float low_scale = scale * static_cast<float>(low.scale);
    const float low_minimum = minimum * static_cast<float>(low.minimum);
    const float high_scale = scale * static_cast<float>(high.scale);
    const float high_minimum = minimum * static_cast<float>(high.minimum);
    for (int i = 0; i < 32; ++i) {
      out[pair * 64 + i] = low_scale * static_cast<float>(levels[i] & 15) - low_minimum;
      out[pair * 64 + 32 + i] = high_scale * static_cast<float>(levels[i] >> 4) - high_minimum;
    }
  }
}

/// Searches 21 scales a group for the least squared error weighted by magnitude.
void encode(const float* x, Q4_KBlock& block);

inline bool has_finite_scales(const Q4_KBlock& block) {
  return is_finite_f16(block.scale) && is_finite_f16(block.minimum);
}

}  // namespace bantam
