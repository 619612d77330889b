// Q2_K: 256 elements in 16 groups of 16; each group has a 4-bit scale and a 4-bit minimum, both in
// units of two f16 numbers of the block: x = scale * group_scale * level - minimum * group_minimum,
// 2-bit levels. 2.625 bits an element.
#pragma once

#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Q2_KBlock {
  static constexpr DType kType = DType::q2_k;
  static constexpr int kElements = 256, kGroup = 16;
  static constexpr bool kHasOffset = true;
  std::uint8_t group_scales[16];  ///< scale in the low half, minimum in the high half
  std::uint8_t levels[64];        ///< as unpack_pairs() reads them
  std::uint16_t scale, minimum;   ///< f16
};
static_assert(sizeof(Q2_KBlock) == 84);

/// The 2-bit numbers of Q2_K and Q3_K: element 32 r + i of each half (128 elements, 32 bytes) has
/// bits 2 r and 2 r + 1 of byte i.
inline void unpack_pairs(const std::uint8_t* pairs, std::int8_t* levels) {
  for (int half = 0; half < 2; ++half) {
    for (int run = 0; run < 4; ++run) {
      for (int i = 0; i < 32; ++i) {
        const int level = (pairs[half * 32 + i] >> (2 * run)) & 3;
        levels[half * 128 + run * 32 + i] = static_cast<std::int8_t>(level);
      }
    }
  }
}
/// The inverse, for levels 0 … 3.
void pack_pairs(const std::uint8_t* levels, std::uint8_t* pairs);

inline void unpack(const Q2_KBlock& block, UnpackedBlock<Q2_KBlock>& out) {
  const float scale = f16_to_float(block.scale), minimum = f16_to_float(block.minimum);
  for (int group = 0; group < 16; ++group) {
    out.scales[group] = scale * static_cast<float>(block.group_scales[group] & 15);
    out.offsets[group] = -(minimum * static_cast<float>(block.group_scales[group] >> 4));
  }
  unpack_pairs(block.levels, out.levels);
}

/// Searches 17 scales a group for the least absolute error weighted by magnitude.
void encode(const float* x, Q2_KBlock& block);

inline bool has_finite_scales(const Q2_KBlock& block) {
  return is_finite_f16(block.scale) && is_finite_f16(block.minimum);
}

}  // namespace bantam
