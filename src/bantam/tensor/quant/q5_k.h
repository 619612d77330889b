// Q5_K: Q4_K with a fifth bit for each level: x = scale * group_scale * level - minimum *
// group_minimum over 8 groups of 32 elements. 5.5 bits an element.
#pragma once

#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/k_group_scales.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Q5_KBlock {
  static constexpr DType kType = DType::q5_k;
  static constexpr int kElements = 256, kGroup = 32;
  static constexpr bool kHasOffset = true;
  std::uint16_t scale, minimum;  ///< f16
  std::uint8_t group_scales[12];
  std::uint8_t fifth_bits[32];  ///< bit g of byte i is that of element 32 g + i
  std::uint8_t levels[128];     ///< 64 elements a 32 bytes: first 32 in the low halves
};
static_assert(sizeof(Q5_KBlock) == 176);

inline void unpack(const Q5_KBlock& block, UnpackedBlock<Q5_KBlock>& out) {
  const float scale = f16_to_float(block.scale), minimum = f16_to_float(block.minimum);
  for (int group = 0; group < 8; ++group) {
    const GroupScale packed = group_scale(block, group);
    out.scales[group] = scale * static_cast<float>(packed.scale);
    out.offsets[group] = -(minimum * static_cast<float>(packed.minimum));
    const std::uint8_t* levels = block.levels + group / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int low = (levels[i] >> (group % 2 * 4)) & 15;
      const int fifth = (block.fifth_bits[i] >> group) & 1;
      out.levels[group * 32 + i] = static_cast<std::int8_t>(low | (fifth << 4));
    }
  }
}

/// Searches 16 scales a group for the least squared error weighted by magnitude.
void encode(const float* x, Q5_KBlock& block);

inline bool has_finite_scales(const Q5_KBlock& block) {
  return is_finite_f16(block.scale) && is_finite_f16(block.minimum);
}

}  // namespace bantam
