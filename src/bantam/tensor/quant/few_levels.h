// Formats for models that were trained to have two, three or four values a weight: one f16 scale a
// block.
//   Q1_0   128 elements, x = -scale or scale                    1.125  bits an element
//   Q2_0    64 elements, x = scale * (-1, 0, 1 or 2)            2.25
//   TQ1_0  256 elements, x = scale * (-1, 0 or 1), base 3       1.6875
//   TQ2_0  256 elements, x = scale * (-1, 0, 1 or 2)            2.0625
#pragma once

#include <cstdint>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/q2_k.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Q1_0Block {
  static constexpr DType kType = DType::q1_0;
  static constexpr int kElements = 128, kGroup = 128;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;     ///< f16
  std::uint8_t signs[16];  ///< element i is bit i % 8 of byte i / 8; set means positive
};
static_assert(sizeof(Q1_0Block) == 18);

struct Q2_0Block {
  static constexpr DType kType = DType::q2_0;
  static constexpr int kElements = 64, kGroup = 64;
  static constexpr bool kHasOffset = false;
  std::uint16_t scale;      ///< f16
  std::uint8_t levels[16];  ///< element i is bits 2 (i % 4) of byte i / 4
};
static_assert(sizeof(Q2_0Block) == 18);

// Five digits in base 3 a byte, as the fraction byte / 256 = 0.d₀d₁d₂d₃d₄: multiplying by 3 moves
// the next digit above the point.
struct TQ1_0Block {
  static constexpr DType kType = DType::tq1_0;
  static constexpr int kElements = 256, kGroup = 256;
  static constexpr bool kHasOffset = false;
  std::uint8_t digits[52];  ///< runs of 32, 16 and 4 bytes; each run is 5, 5 and 4 rows of elements
  std::uint16_t scale;      ///< f16
};
static_assert(sizeof(TQ1_0Block) == 54);

struct TQ2_0Block {
  static constexpr DType kType = DType::tq2_0;
  static constexpr int kElements = 256, kGroup = 256;
  static constexpr bool kHasOffset = false;
  std::uint8_t levels[64];  ///< element 32 r + i of a half is bits 2 r of byte i, as in Q2_K
  std::uint16_t scale;      ///< f16
};
static_assert(sizeof(TQ2_0Block) == 66);

inline void unpack(const Q1_0Block& block, UnpackedBlock<Q1_0Block>& out) {
  out.scales[0] = f16_to_float(block.scale);
  for (int i = 0; i < 128; ++i) {
    const int bit = (block.signs[i / 8] >> (i % 8)) & 1;
    out.levels[i] = static_cast<std::int8_t>(2 * bit - 1);
  }
}

inline void unpack(const Q2_0Block& block, UnpackedBlock<Q2_0Block>& out) {
  out.scales[0] = f16_to_float(block.scale);
  for (int i = 0; i < 64; ++i) {
    const int level = (block.levels[i / 4] >> (i % 4 * 2)) & 3;
    out.levels[i] = static_cast<std::int8_t>(level - 1);
  }
}

inline void unpack(const TQ1_0Block& block, UnpackedBlock<TQ1_0Block>& out) {
  out.scales[0] = f16_to_float(block.scale);
  std::int8_t* to = out.levels;
  const auto unpack_run = [&](const std::uint8_t* bytes, int count, int rows) {
    for (int row = 0, power = 1; row < rows; ++row, power *= 3) {
      for (int i = 0; i < count; ++i) {
        const auto rest = static_cast<std::uint8_t>(bytes[i] * power);
        *to++ = static_cast<std::int8_t>(((rest * 3) >> 8) - 1);
      }
    }
  };
  unpack_run(block.digits, 32, 5);
  unpack_run(block.digits + 32, 16, 5);
  unpack_run(block.digits + 48, 4, 4);
}

inline void unpack(const TQ2_0Block& block, UnpackedBlock<TQ2_0Block>& out) {
  out.scales[0] = f16_to_float(block.scale);
  unpack_pairs(block.levels, out.levels);
  for (std::int8_t& level : out.levels) --level;
}

inline bool has_finite_scales(const Q1_0Block& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const Q2_0Block& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const TQ1_0Block& block) { return is_finite_f16(block.scale); }
inline bool has_finite_scales(const TQ2_0Block& block) { return is_finite_f16(block.scale); }

}  // namespace bantam
