// IQ1_S and IQ1_M: 256 elements in rows of eight ternary levels that a codebook lists; every level
// is shifted by 1/8 up or down: x = scale * (level ± 1/8). Levels are unpacked in eighths.
//   IQ1_S  a 3-bit scale and a shift for each 32 elements        1.5625 bits an element
//   IQ1_M  a 3-bit scale for each 16, a shift for each 8         1.75
#pragma once

#include <cstdint>
#include <cstring>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/codebooks.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Iq1_SBlock {
  static constexpr DType kType = DType::iq1_s;
  static constexpr int kElements = 256, kGroup = 32;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;  ///< f16
  std::uint8_t rows[32];
  /// A group: bits 3 r the upper three of row r's index, bits 12 … 14 the scale, bit 15 down.
  std::uint16_t upper_bits[8];
};
static_assert(sizeof(Iq1_SBlock) == 50);

struct Iq1_MBlock {
  static constexpr DType kType = DType::iq1_m;
  static constexpr int kElements = 256, kGroup = 16;
  static constexpr bool kHasOffset = false;
  std::uint8_t rows[32];
  std::uint8_t upper_bits[16];  ///< a half for each row: three bits of its index, then bit 3 down
  /// Four 16-bit words: twelve bits of four group scales, and four bits of the block's f16 scale.
  std::uint8_t scales[8];
};
static_assert(sizeof(Iq1_MBlock) == 56);

inline void unpack_iq1_row(int row, bool down, std::int8_t* levels) {
  for (int i = 0; i < 8; ++i) {
    levels[i] = static_cast<std::int8_t>(8 * kIq1Rows[row][i] + (down ? -1 : 1));
  }
}

inline void unpack(const Iq1_SBlock& block, UnpackedBlock<Iq1_SBlock>& out) {
  const float eighth = f16_to_float(block.scale) * 0.125f;
  for (int group = 0; group < 8; ++group) {
    const int upper = block.upper_bits[group];
    out.scales[group] = eighth * static_cast<float>(2 * ((upper >> 12) & 7) + 1);
    for (int r = 0; r < 4; ++r) {
      const int row = block.rows[group * 4 + r] | ((upper >> (3 * r)) & 7) << 8;
      unpack_iq1_row(row, (upper & 0x8000) != 0, out.levels + group * 32 + r * 8);
    }
  }
}

inline std::uint16_t scale_word(const Iq1_MBlock& block, int i) {
  std::uint16_t word;
  std::memcpy(&word, block.scales + 2 * i, sizeof word);
  return word;
}

/// The f16 scale, from the top four bits of each word.
inline std::uint16_t block_scale(const Iq1_MBlock& block) {
  int scale = 0;
  for (int i = 0; i < 4; ++i) scale |= scale_word(block, i) >> 12 << (4 * i);
  return static_cast<std::uint16_t>(scale);
}

inline void unpack(const Iq1_MBlock& block, UnpackedBlock<Iq1_MBlock>& out) {
  const float eighth = f16_to_float(block_scale(block)) * 0.125f;
  for (int group = 0; group < 16; ++group) {
    const int scale = (scale_word(block, group / 4) >> (group % 4 * 3)) & 7;
    out.scales[group] = eighth * static_cast<float>(2 * scale + 1);
    for (int r = 2 * group; r < 2 * group + 2; ++r) {
      const int upper = block.upper_bits[r / 2] >> (r % 2 * 4);
      const int row = block.rows[r] | (upper & 7) << 8;
      unpack_iq1_row(row, (upper & 8) != 0, out.levels + r * 8);
    }
  }
}

inline bool has_finite_scales(const Iq1_SBlock& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const Iq1_MBlock& block) { return is_finite_f16(block_scale(block)); }

}  // namespace bantam
