// Q3_K: 256 elements in 16 groups of 16; each group has a signed 6-bit scale in units of the
// block's f16 scale: x = scale * group_scale * (level - 4), 3-bit levels. 3.4375 bits an element.
#pragma once

#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/q2_k.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Q3_KBlock {
  static constexpr DType kType = DType::q3_k;
  static constexpr int kElements = 256, kGroup = 16;
  static constexpr bool kHasOffset = false;
  std::uint8_t third_bits[32];  ///< bit r of byte i is that of element 32 r + i
  std::uint8_t low_bits[64];    ///< as unpack_pairs() reads them
  std::uint8_t group_scales[12];
  std::uint16_t scale;  ///< f16
};
static_assert(sizeof(Q3_KBlock) == 110);

/// -32 … 31. Groups 0 … 7 have their low four bits in the low halves of bytes 0 … 7, groups
/// 8 … 15 in the high halves; the upper two bits of group g are bits 2 (g / 4) of byte 8 + g % 4.
inline int group_scale(const Q3_KBlock& block, int group) {
  const int low = (block.group_scales[group % 8] >> (group / 8 * 4)) & 15;
  const int upper = (block.group_scales[8 + group % 4] >> (2 * (group / 4))) & 3;
  return (low | (upper << 4)) - 32;
}

inline void unpack(const Q3_KBlock& block, UnpackedBlock<Q3_KBlock>& out) {
  const float scale = f16_to_float(block.scale);
  for (int group = 0; group < 16; ++group) {
    out.scales[group] = scale * static_cast<float>(group_scale(block, group));
  }
  unpack_pairs(block.low_bits, out.levels);
  for (int run = 0; run < 8; ++run) {
    for (int i = 0; i < 32; ++i) {
      const int third = (block.third_bits[i] >> run) & 1;
      out.levels[run * 32 + i] = static_cast<std::int8_t>(out.levels[run * 32 + i] + 4 * third - 4);
    }
  }
}

/// Moves one level at a time, up to five rounds, while that lowers the squared error weighted by
/// x².
void encode(const float* x, Q3_KBlock& block);

inline bool has_finite_scales(const Q3_KBlock& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
