// Formats whose levels are 4-bit floats (E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives).
//   MXFP4  32 elements, one scale that is a power of two (OCP microscaling formats 1.0)   4.25 bits
//   NVFP4  64 elements, a positive 8-bit float (E4M3) for each 16 of them                 4.5 bits
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

/// E2M1 doubled, so that levels are integers; scales are halved to match.
inline constexpr std::array<std::int8_t, 16> kFp4Levels = {0, 1,  2,  3,  4,  6,  8,  12,
                                                           0, -1, -2, -3, -4, -6, -8, -12};

struct Mxfp4Block {
  static constexpr DType kType = DType::mxfp4;
  static constexpr int kElements = 32, kGroup = 32, kRun = 16;
  static constexpr bool kHasOffset = false;
  static constexpr auto kLevelTable = kFp4Levels;
  std::uint8_t exponent;  ///< scale 2^(exponent - 127); 255 stands for NaN
  std::uint8_t levels[16];
};
static_assert(sizeof(Mxfp4Block) == 17);

struct Nvfp4Block {
  static constexpr DType kType = DType::nvfp4;
  static constexpr int kElements = 64, kGroup = 16, kRun = 8;
  static constexpr bool kHasOffset = false;
  static constexpr auto kLevelTable = kFp4Levels;
  std::uint8_t scales[4];  ///< E4M3 without a sign
  std::uint8_t levels[32];
};
static_assert(sizeof(Nvfp4Block) == 36);

/// 2^(exponent - 128); like ggml, 255 decodes to a number and only the check of scales refuses it.
inline float half_power_of_two(std::uint8_t exponent) {
  return exponent < 2 ? std::bit_cast<float>(0x00200000u << exponent)
                      : std::bit_cast<float>((exponent - 1u) << 23);
}

/// Half of the E4M3 number (bias 7); its NaN (127) counts as 0, and the sign bit is not read.
inline float half_e4m3(std::uint8_t bits) {
  const std::uint32_t exponent = (bits >> 3) & 15, mantissa = bits & 7;
  if (bits == 0x7f) return 0;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return std::bit_cast<float>(((exponent + 119) << 23) | (mantissa << 20));
}

inline void unpack_scales(const Mxfp4Block& block, UnpackedBlock<Mxfp4Block>& out) {
  out.scales[0] = half_power_of_two(block.exponent);
}

inline void unpack_scales(const Nvfp4Block& block, UnpackedBlock<Nvfp4Block>& out) {
  for (int group = 0; group < 4; ++group) out.scales[group] = half_e4m3(block.scales[group]);
}

inline bool has_finite_scales(const Mxfp4Block& block) { return block.exponent != 255; }
/// Every byte is a number: ggml reads E4M3's only NaN as 0.
inline bool has_finite_scales(const Nvfp4Block&) { return true; }

}  // namespace bantam
