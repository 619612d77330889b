// How a group of a tile of a quantized weight becomes a tile of bf16 columns, [16 pairs of
// neighbors][16 rows][2], for CPUs that have AMX.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_AMX_OPEN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_AMX_OPEN_INL_H_
#undef BANTAM_TENSOR_CPU_AMX_OPEN_INL_H_
#else
#define BANTAM_TENSOR_CPU_AMX_OPEN_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <utility>

#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_round-inl.h"
#include "bantam/tensor/cpu/interleaved_tile-inl.h"
#include "bantam/tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET == HWY_AVX3_DL
static_assert(kLanes == kAmxRows && kUnit == kAmxDepth);

// Scales and minimums of a half of a unit.
struct HalfOfUnit {
  Floats scale, minimum;
};
template <class Form, class Unit>
HWY_INLINE HalfOfUnit open_half(const Unit& unit, int half) {
  if constexpr (Form::kHasMinimum) return {unit.scale(half), unit.minimum(half)};
  return {unit.scale(half), hn::Zero(FloatTag())};
}

// Element kByte of a quad of each row, as decode.cc gives it: the product is exact.
template <class Form, int kByte>
HWY_INLINE Floats element(Bytes quad, const HalfOfUnit& half) {
  const FloatTag d;
  const IntegerTag d32;
  const hn::RebindToUnsigned<FloatTag> du32;
  const auto top = hn::ShiftLeft<24 - 8 * kByte>(hn::BitCast(du32, quad));
  const auto level = Form::kSigned ? hn::ShiftRight<24>(hn::BitCast(d32, top))
                                   : hn::BitCast(d32, hn::ShiftRight<24>(top));
  return hn::MulAdd(hn::ConvertTo(d, level), half.scale, half.minimum);
}

// A quad in bf16: two pairs of a tile.
template <class Form>
HWY_INLINE void open_quad(Bytes quad, const HalfOfUnit& half, std::uint16_t* to) {
  const hn::Full512<std::uint16_t> d16;
  hn::StoreU(to_bf16_pairs(element<Form, 0>(quad, half), element<Form, 1>(quad, half)), d16, to);
  hn::StoreU(to_bf16_pairs(element<Form, 2>(quad, half), element<Form, 3>(quad, half)), d16,
             to + kAmxDepth);
}
constexpr int kOfQuad = 2 * kAmxDepth;  // elements of its two pairs

template <class Form, int... kQ>
HWY_INLINE void open_unit(const typename PackedTile<Form>::Unit& unit,
                          std::integer_sequence<int, kQ...>, std::uint16_t* out) {
  const HalfOfUnit halves[2] = {open_half<Form>(unit, 0), open_half<Form>(unit, Form::kHalves - 1)};
  (open_quad<Form>(unit.template quad<kQ>(), halves[kQ / kQuadsOfHalf<Form>], out + kQ * kOfQuad),
   ...);
}

// One of kPartsOfGroup parts of a group of a tile: two quads.
constexpr int kPartsOfGroup = kQuads / 2;
template <class Form, int kPart>
HWY_INLINE void open_part_at(const typename PackedTile<Form>::Unit& unit, std::uint16_t* out) {
  const HalfOfUnit half = open_half<Form>(unit, 2 * kPart / kQuadsOfHalf<Form>);
  open_quad<Form>(unit.template quad<2 * kPart>(), half, out);
  open_quad<Form>(unit.template quad<2 * kPart + 1>(), half, out + kOfQuad);
}
template <class Form>
HWY_INLINE void open_part(const std::byte* tile, std::int64_t group, int part, std::uint16_t* out) {
  const auto unit = PackedTile<Form>(tile).unit(group);
  unit.fetch_ahead(part, kPartsOfGroup);
  out += 2 * part * kOfQuad;
  if constexpr (Form::kBits % 4 == 0) {  // levels of two quads fill vectors of their own
    constexpr std::int64_t kBytes = 4 * kLanes * Form::kBits / 4;
    const HalfOfUnit half = open_half<Form>(unit, 0);
    open_quad<Form>(unit.template quad_after<0>(part * kBytes), half, out);
    open_quad<Form>(unit.template quad_after<1>(part * kBytes), half, out + kOfQuad);
  } else if (part == 0) {
    open_part_at<Form, 0>(unit, out);
  } else if (part == 1) {
    open_part_at<Form, 1>(unit, out);
  } else if (part == 2) {
    open_part_at<Form, 2>(unit, out);
  } else {
    open_part_at<Form, 3>(unit, out);
  }
}

// f(Form()) for the form of a type; a result of zeros when the type has none.
template <class F>
auto with_form(DType dtype, F f) {
  switch (dtype) {
    case DType::q4_0:
      return f(ScaleForm<4, 8>());
    case DType::q4_1:
      return f(MinimumForm<4>());
    case DType::q5_0:
      return f(ScaleForm<5, 16>());
    case DType::q5_1:
      return f(MinimumForm<5>());
    case DType::q8_0:
      return f(ScaleForm<8, 0>());
    case DType::q4_k:
      return f(Q4_KForm());
    case DType::q6_k:
      return f(Q6_KForm());
    default:
      return decltype(f(Q6_KForm())){};
  }
}

#endif  // HWY_TARGET == HWY_AVX3_DL
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
