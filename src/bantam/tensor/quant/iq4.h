// IQ4_NL and IQ4_XS: 4-bit levels that name one of 16 unevenly spaced values.
//   IQ4_NL   32 elements, one f16 scale                                               4.5 bits
//   IQ4_XS  256 elements, a signed 6-bit scale for each 32 in units of an f16 scale  4.25 bits
#pragma once

#include <array>
#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

inline constexpr std::array<std::int8_t, 16> kIq4Levels = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct Iq4_NlBlock {
  static constexpr DType kType = DType::iq4_nl;
  static constexpr int kElements = 32, kGroup = 32, kRun = 16;
  static constexpr bool kHasOffset = false;
  static constexpr auto kLevelTable = kIq4Levels;
  std::uint16_t scale;  ///< f16
  std::uint8_t levels[16];
};
static_assert(sizeof(Iq4_NlBlock) == 18);

struct Iq4_XsBlock {
  static constexpr DType kType = DType::iq4_xs;
  static constexpr int kElements = 256, kGroup = 32, kRun = 16;
  static constexpr bool kHasOffset = false;
  static constexpr auto kLevelTable = kIq4Levels;
  std::uint16_t scale;             ///< f16
  std::uint16_t upper_scale_bits;  ///< bits 2 g: upper two bits of the scale of group g
  std::uint8_t low_scale_bits[4];  ///< byte g / 2 holds the low four bits of an even and an odd g
  std::uint8_t levels[128];
};
static_assert(sizeof(Iq4_XsBlock) == 136);

inline void unpack_scales(const Iq4_NlBlock& block, UnpackedBlock<Iq4_NlBlock>& out) {
  out.scales[0] = f16_to_float(block.scale);
}

inline void unpack_scales(const Iq4_XsBlock& block, UnpackedBlock<Iq4_XsBlock>& out) {
  const float scale = f16_to_float(block.scale);
  for (int group = 0; group < 8; ++group) {
    const int low = (block.low_scale_bits[group / 2] >> (group % 2 * 4)) & 15;
    const int upper = (block.upper_scale_bits >> (2 * group)) & 3;
    out.scales[group] = scale * static_cast<float>((low | (upper << 4)) - 32);
  }
}

/// Levels for the scale that maps the largest element to level 0, then the scale that fits these
/// levels best, errors weighted by x².
void encode(const float* x, Iq4_NlBlock& block);

inline bool has_finite_scales(const Iq4_NlBlock& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const Iq4_XsBlock& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
