// Q8_K: 256 elements, one f32 scale, signed 8-bit levels: x = scale * level. 9.125 bits an element.
// ggml makes it for products; a file may hold it all the same.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "bantam/tensor/dtype.h"
#include "bantam/tensor/quant/unpacked_block.h"

namespace bantam {

struct Q8_KBlock {
  static constexpr DType kType = DType::q8_k;
  static constexpr int kElements = 256, kGroup = 256;
  static constexpr bool kHasOffset = false;
  std::array<std::uint8_t, 4> scale;  ///< f32, as bytes: a mapped file may place them anywhere
  std::int8_t levels[256];
  std::uint8_t group_sums[32];  ///< i16 sums of levels, for products; not read
};
static_assert(sizeof(Q8_KBlock) == 292);

inline float scale_of(const Q8_KBlock& block) { return std::bit_cast<float>(block.scale); }

inline void unpack(const Q8_KBlock& block, UnpackedBlock<Q8_KBlock>& out) {
  out.scales[0] = scale_of(block);
  std::memcpy(out.levels, block.levels, sizeof out.levels);
}

inline bool has_finite_scales(const Q8_KBlock& block) { return std::isfinite(scale_of(block)); }

}  // namespace bantam
