// IQ3: 256 elements in rows of four magnitudes that a codebook lists, with a sign for each element
// and a 4-bit scale for each 32 in units of the block's f16 scale.
//   IQ3_XXS  256 rows, seven signs of eight stored   3.0625 bits an element
//            x = scale * (group_scale + 1/2) / 2 * level
//   IQ3_S    512 rows, all signs stored              3.4375
//            x = scale * (2 group_scale + 1) * level
#pragma once

#include <cstdint>
#include <cstring>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/codebooks.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Iq3_XxsBlock {
  static constexpr DType kType = DType::iq3_xxs;
  static constexpr int kElements = 256, kGroup = 32;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;  ///< f16
  std::uint8_t rows[64];
  std::uint8_t signs_and_scales[32];  ///< a word a group: 4 x 7 signs and the scale on top
};
static_assert(sizeof(Iq3_XxsBlock) == 98);

struct Iq3_SBlock {
  static constexpr DType kType = DType::iq3_s;
  static constexpr int kElements = 256, kGroup = 32;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;  ///< f16
  std::uint8_t rows[64];
  std::uint8_t ninth_bits[8];  ///< bit r % 8 of byte r / 8 is that of row r
  std::uint8_t signs[32];
  std::uint8_t group_scales[4];  ///< a half each
};
static_assert(sizeof(Iq3_SBlock) == 110);

inline void unpack(const Iq3_XxsBlock& block, UnpackedBlock<Iq3_XxsBlock>& out) {
  const float scale = f16_to_float(block.scale);
  for (int group = 0; group < 8; ++group) {
    std::uint32_t word;
    std::memcpy(&word, block.signs_and_scales + 4 * group, sizeof word);
    out.scales[group] = scale * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
    for (int pair = 0; pair < 4; ++pair) {
      const std::uint8_t* rows = block.rows + group * 8 + pair * 2;
      std::int8_t* levels = out.levels + group * 32 + pair * 8;
      std::memcpy(levels, kIq3XxsRows[rows[0]].data(), 4);
      std::memcpy(levels + 4, kIq3XxsRows[rows[1]].data(), 4);
      apply_signs(with_eighth_sign(word >> (7 * pair)), levels);
    }
  }
}

inline void unpack(const Iq3_SBlock& block, UnpackedBlock<Iq3_SBlock>& out) {
  const float scale = f16_to_float(block.scale);
  for (int group = 0; group < 8; ++group) {
    const int group_scale = (block.group_scales[group / 2] >> (group % 2 * 4)) & 15;
    out.scales[group] = scale * static_cast<float>(2 * group_scale + 1);
  }
  for (int r = 0; r < 64; ++r) {
    const int ninth = (block.ninth_bits[r / 8] >> (r % 8)) & 1;
    std::memcpy(out.levels + 4 * r, kIq3SRows[block.rows[r] | ninth << 8].data(), 4);
  }
  for (int i = 0; i < 32; ++i) apply_signs(block.signs[i], out.levels + 8 * i);
}

inline bool has_finite_scales(const Iq3_XxsBlock& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const Iq3_SBlock& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
