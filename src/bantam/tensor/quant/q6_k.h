// Q6_K: 256 elements in 16 groups of 16; each group has a signed 8-bit scale in units of the
// block's f16 scale: x = scale * group_scale * (level - 32), 6-bit levels. 6.5625 bits an element.
#pragma once

#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"

namespace bantam {

// Each half of the block (128 elements) has 64 bytes of low halves and 32 bytes of upper pairs.
// Element 32 r + i of a half (r = 0 … 3) has its low four bits in byte 32 (r % 2) + i, high half
// from r = 2 on, and its upper two bits at bit 2 r of byte i.
struct Q6_KBlock {
  static constexpr DType kType = DType::q6_k;
  static constexpr int kElements = 256;
  std::uint8_t low_bits[128];
  std::uint8_t upper_bits[64];
  std::int8_t group_scales[16];
  std::uint16_t scale;  ///< f16
};
static_assert(sizeof(Q6_KBlock) == 210);

inline void decode(const Q6_KBlock& block, float* out) {
  const float scale = f16_to_float(block.scale);
  for (int half = 0; half < 2; ++half) {
    const std::uint8_t* low = block.low_bits + half * 64;
    const std::uint8_t* upper = block.upper_bits + half * 32;
    const std::int8_t* groups = block.group_scales + half * 8;
    for (int run = 0; run < 4; ++run) {
      for (int i = 0; i < 32; ++i) {
        const int bits = (low[run % 2 * 32 + i] >> (run / 2 * 4)) & 15;
        const int level = bits | (((upper[i] >> (2 * run)) & 3) << 4);
        const float group = scale * static_cast<float>(groups[run * 2 + i / 16]);
        out[half * 128 + run * 32 + i] = group * static_cast<float>(level - 32);
      }
    }
  }
}

/// Searches 19 scales a group for the least squared error weighted by x².
void encode(const float* x, Q6_KBlock& block);

inline bool has_finite_scales(const Q6_KBlock& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
