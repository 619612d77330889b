// IQ2: 256 elements in rows of eight magnitudes that a codebook lists, with a sign for each element
// and 4-bit group scales in units of the block's f16 scale:
// x = scale * (group_scale + 1/2) / 4 * level.
//   IQ2_XXS   256 rows, scales for 32 elements, seven signs of eight stored   2.0625 bits an
//   element IQ2_XS    512 rows, scales for 16 elements, seven signs of eight stored   2.3125 IQ2_S
//   1,024 rows, scales for 16 elements, all signs stored              2.5625
#pragma once

#include <cstdint>
#include <cstring>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/codebooks.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Iq2_XxsBlock {
  static constexpr DType kType = DType::iq2_xxs;
  static constexpr int kElements = 256, kGroup = 32;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;  ///< f16
  /// Eight bytes a group: four rows, then a word of 4 x 7 signs and the group's scale on top.
  std::uint8_t groups[8][8];
};
static_assert(sizeof(Iq2_XxsBlock) == 66);

struct Iq2_XsBlock {
  static constexpr DType kType = DType::iq2_xs;
  static constexpr int kElements = 256, kGroup = 16;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;           ///< f16
  std::uint16_t rows[32];        ///< nine bits of row, seven of signs
  std::uint8_t group_scales[8];  ///< a half each
};
static_assert(sizeof(Iq2_XsBlock) == 74);

struct Iq2_SBlock {
  static constexpr DType kType = DType::iq2_s;
  static constexpr int kElements = 256, kGroup = 16;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;  ///< f16
  std::uint8_t rows[32];
  std::uint8_t signs[32];
  std::uint8_t upper_bits[8];    ///< bits 2 (r % 4) of byte r / 4: upper two of row r
  std::uint8_t group_scales[8];  ///< a half each
};
static_assert(sizeof(Iq2_SBlock) == 82);

/// In ggml's order of operations, which rounds.
inline float iq2_scale(float scale, int group_scale) {
  return scale * (0.5f + static_cast<float>(group_scale)) * 0.25f;
}

template <std::size_t kRows>
void unpack_iq2_row(const std::array<std::array<std::int8_t, 8>, kRows>& codebook, int row,
                    std::uint8_t signs, std::int8_t* levels) {
  std::memcpy(levels, codebook[row].data(), 8);
  apply_signs(signs, levels);
}

inline void unpack(const Iq2_XxsBlock& block, UnpackedBlock<Iq2_XxsBlock>& out) {
  const float scale = f16_to_float(block.scale);
  for (int group = 0; group < 8; ++group) {
    const std::uint8_t* rows = block.groups[group];
    std::uint32_t word;
    std::memcpy(&word, rows + 4, sizeof word);
    out.scales[group] = iq2_scale(scale, static_cast<int>(word >> 28));
    for (int r = 0; r < 4; ++r) {
      unpack_iq2_row(kIq2XxsRows, rows[r], with_eighth_sign(word >> (7 * r)),
                     out.levels + group * 32 + r * 8);
    }
  }
}

inline void unpack(const Iq2_XsBlock& block, UnpackedBlock<Iq2_XsBlock>& out) {
  const float scale = f16_to_float(block.scale);
  for (int group = 0; group < 16; ++group) {
    out.scales[group] = iq2_scale(scale, (block.group_scales[group / 2] >> (group % 2 * 4)) & 15);
  }
  for (int r = 0; r < 32; ++r) {
    unpack_iq2_row(kIq2XsRows, block.rows[r] & 511,
                   with_eighth_sign(std::uint32_t{block.rows[r]} >> 9), out.levels + r * 8);
  }
}

inline void unpack(const Iq2_SBlock& block, UnpackedBlock<Iq2_SBlock>& out) {
  const float scale = f16_to_float(block.scale);
  for (int group = 0; group < 16; ++group) {
    out.scales[group] = iq2_scale(scale, (block.group_scales[group / 2] >> (group % 2 * 4)) & 15);
  }
  for (int r = 0; r < 32; ++r) {
    const int upper = (block.upper_bits[r / 4] >> (r % 4 * 2)) & 3;
    unpack_iq2_row(kIq2SRows, block.rows[r] | upper << 8, block.signs[r], out.levels + r * 8);
  }
}

inline bool has_finite_scales(const Iq2_XxsBlock& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const Iq2_XsBlock& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const Iq2_SBlock& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
