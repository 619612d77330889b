// How the levels, scales and minimums of an interleaved weight are read, by type, for the
// instruction set being compiled. A tile is kLanes rows of the weight; see interleaved_weight.h for
// its layout.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_INTERLEAVED_FORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_INTERLEAVED_FORM_INL_H_
#undef BANTAM_TENSOR_CPU_INTERLEAVED_FORM_INL_H_
#else
#define BANTAM_TENSOR_CPU_INTERLEAVED_FORM_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "bantam/tensor/cpu/rounded_rows.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using ByteTag = hn::Repartition<std::uint8_t, FloatTag>;
using ShortTag = hn::Repartition<std::uint16_t, FloatTag>;
using Floats = hn::Vec<FloatTag>;
using Bytes = hn::Vec<ByteTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kUnit = RoundedRows::kGroup, kQuads = kUnit / 4;

HWY_INLINE Floats halves_at(const std::byte* bytes) {
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  return hn::PromoteTo(FloatTag(), hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(bytes)));
}
template <class Byte>
HWY_INLINE Floats bytes_at(const std::byte* bytes) {
  const hn::RebindToSigned<FloatTag> d32;
  const hn::Rebind<Byte, FloatTag> d8;
  return hn::ConvertTo(FloatTag(),
                       hn::PromoteTo(d32, hn::LoadU(d8, reinterpret_cast<const Byte*>(bytes))));
}

// Bits move by kUp (down when negative) within pairs of bytes; a mask then drops what came from the
// neighbour.
template <int kUp>
HWY_INLINE Bytes moved(Bytes bytes, std::uint8_t mask) {
  const ByteTag d;
  const auto pairs = hn::BitCast(ShortTag(), bytes);
  if constexpr (kUp >= 0) {
    return hn::And(hn::BitCast(d, hn::ShiftLeft<kUp>(pairs)), hn::Set(d, mask));
  } else {
    return hn::And(hn::BitCast(d, hn::ShiftRight<-kUp>(pairs)), hn::Set(d, mask));
  }
}

// Quad kQ of a unit whose planes start at `planes`.
template <int kBits, int kQ>
HWY_INLINE Bytes levels_of_quad(const std::uint8_t* planes) {
  const ByteTag d;
  constexpr int kVector = 4 * kLanes;
  if constexpr (kBits == 8) {
    return hn::LoadU(d, planes + kQ * kVector);
  } else {
    const Bytes low = moved < kQ % 2 == 0 ? 0 : -4 > (hn::LoadU(d, planes + kQ / 2 * kVector), 15);
    if constexpr (kBits == 4) return low;
    if constexpr (kBits == 5) {
      return hn::Or(low, moved<4 - kQ>(hn::LoadU(d, planes + 4 * kVector), 16));
    }
    if constexpr (kBits == 6) {
      const Bytes upper = hn::LoadU(d, planes + (4 + kQ / 4) * kVector);
      return hn::Or(low, moved<4 - 2 * (kQ % 4)>(upper, 48));
    }
  }
}

// Each form names its bits and units, and gives the scale and minimum of a unit (of a half of it
// when kHalves is 2). Where the minimum is -kCenter times the scale, products take the center off
// in integers; a kCenter of 0 leaves the minimum, if there is one, to be met by the sums of x.
template <int kLevelBits, int kLevelCenter>
struct ScaleForm {  // element = scale * (level - center)
  static constexpr int kBits = kLevelBits, kUnits = 1, kHalves = 1, kUnitBytes = 0,
                       kBlockHalves = 1, kCenter = kLevelCenter;
  static constexpr bool kSigned = kLevelBits == 8, kHasMinimum = kCenter != 0;
  struct Block {
    Floats scale;
  };
  static HWY_INLINE Block open(const std::byte* header) { return {halves_at(header)}; }
  static HWY_INLINE Floats scale(const Block& block, const std::byte*, int) { return block.scale; }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte*, int) {
    return hn::Mul(block.scale, hn::Set(FloatTag(), -kCenter));
  }
};
template <int kLevelBits>
struct MinimumForm {  // scale * level + minimum
  static constexpr int kBits = kLevelBits, kUnits = 1, kHalves = 1, kUnitBytes = 0,
                       kBlockHalves = 2, kCenter = 0;
  static constexpr bool kSigned = false, kHasMinimum = true;
  struct Block {
    Floats scale, minimum;
  };
  static HWY_INLINE Block open(const std::byte* header) {
    return {halves_at(header), halves_at(header + 2 * kLanes)};
  }
  static HWY_INLINE Floats scale(const Block& block, const std::byte*, int) { return block.scale; }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte*, int) {
    return block.minimum;
  }
};
struct Q4_KForm {  // scale * unit scale * level - minimum * unit minimum
  static constexpr int kBits = 4, kUnits = 8, kHalves = 1, kUnitBytes = 2, kBlockHalves = 2,
                       kCenter = 0;
  static constexpr bool kSigned = false, kHasMinimum = true;
  struct Block {
    Floats scale, negative_minimum;
  };
  static HWY_INLINE Block open(const std::byte* header) {
    return {halves_at(header), hn::Neg(halves_at(header + 2 * kLanes))};
  }
  static HWY_INLINE Floats scale(const Block& block, const std::byte* unit, int) {
    return hn::Mul(block.scale, bytes_at<std::uint8_t>(unit));
  }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte* unit, int) {
    return hn::Mul(block.negative_minimum, bytes_at<std::uint8_t>(unit + kLanes));
  }
};
struct Q6_KForm {  // scale * scale of the half * (level - 32)
  static constexpr int kBits = 6, kUnits = 8, kHalves = 2, kUnitBytes = 2, kBlockHalves = 1,
                       kCenter = 32;
  static constexpr bool kSigned = false, kHasMinimum = true;
  struct Block {
    Floats scale;
  };
  static HWY_INLINE Block open(const std::byte* header) { return {halves_at(header)}; }
  static HWY_INLINE Floats scale(const Block& block, const std::byte* unit, int half) {
    return hn::Mul(block.scale, bytes_at<std::int8_t>(unit + half * kLanes));
  }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte* unit, int half) {
    return hn::Mul(scale(block, unit, half), hn::Set(FloatTag(), -kCenter));
  }
};

// vpdpbusd takes one factor without sign. In products signed levels move up by 128, their center
// then.
#if HWY_TARGET == HWY_AVX3_DL
struct Q8_0ProductForm : ScaleForm<8, 128> {
  static constexpr bool kSigned = false;
};
#else
using Q8_0ProductForm = ScaleForm<8, 0>;
#endif

template <class Form, int kQ>
HWY_INLINE Bytes levels_for_product(const std::uint8_t* planes) {
  const Bytes levels = levels_of_quad<Form::kBits, kQ>(planes);
  constexpr bool kMovesUp = Form::kBits == 8 && !Form::kSigned;
  return kMovesUp ? hn::Xor(levels, hn::Set(ByteTag(), 128)) : levels;
}

#endif  // HWY_TARGET != HWY_SCALAR
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
