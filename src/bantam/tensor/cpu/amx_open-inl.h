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
#include "bantam/tensor/cpu/amx_open.h"
#include "bantam/tensor/cpu/amx_round-inl.h"
#include "bantam/tensor/cpu/interleaved_tile-inl.h"
#include "bantam/tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET == HWY_AVX3_DL
static_assert(kLanes == kAmxRows && kUnit == kAmxDepth);

// What makes an element of a level of a half of a unit. Levels without a sign are put in a float's
// fraction rather than converted: 1 + level / 2^kBits, so that the scale is larger by 2^kBits and
// the minimum smaller by that scale. This rounds by 2^-24 of the scale; bf16 rounds by 2^-9.
struct HalfOfUnit {
  Floats scale, minimum;
};
template <class Form>
HWY_INLINE HalfOfUnit open_half(const typename PackedTile<Form>::Unit& unit, int half) {
  const FloatTag d;
  Floats scale = unit.scale(half), minimum = hn::Zero(d);
  if constexpr (Form::kHasMinimum) minimum = unit.minimum(half);
  if constexpr (Form::kSigned) return {scale, minimum};
  scale = hn::Mul(scale, hn::Set(d, 1 << Form::kBits));
  return {scale, hn::Sub(minimum, scale)};
}

// The element of each row whose level begins at bit kBit of a word; other bits may be anything.
template <class Form, int kBit>
HWY_INLINE Floats element(Bytes words, const HalfOfUnit& half) {
  const FloatTag d;
  const IntegerTag d32;
  const hn::RebindToUnsigned<FloatTag> du32;
  const auto bits = hn::BitCast(du32, words);
  if constexpr (Form::kSigned) {
    const auto level = hn::ShiftRight<24>(hn::BitCast(d32, hn::ShiftLeft<24 - kBit>(bits)));
    return hn::MulAdd(hn::ConvertTo(d, level), half.scale, half.minimum);
  } else {
    constexpr int kUp = 23 - Form::kBits - kBit, kAndThenOr = 0xea;
    constexpr std::uint32_t kLevel = ((1U << Form::kBits) - 1) << (23 - Form::kBits),
                            kOne = 0x3f800000;
    const auto moved = kUp >= 0 ? hn::ShiftLeft<(kUp >= 0 ? kUp : 0)>(bits)
                                : hn::ShiftRight<(kUp < 0 ? -kUp : 0)>(bits);
    const Floats fraction{_mm512_castsi512_ps(_mm512_ternarylogic_epi32(
        moved.raw, hn::Set(du32, kLevel).raw, hn::Set(du32, kOne).raw, kAndThenOr))};
    return hn::MulAdd(fraction, half.scale, half.minimum);
  }
}

// The quad whose first level begins at bit kBit, in bf16: two pairs of a tile.
constexpr int kOfQuad = 2 * kAmxDepth;
template <class Form, int kBit = 0>
HWY_INLINE void open_quad(Bytes words, const HalfOfUnit& half, std::uint16_t* to) {
  const hn::Full512<std::uint16_t> d16;
  hn::StoreU(to_bf16_pairs(element<Form, kBit>(words, half), element<Form, kBit + 8>(words, half)),
             d16, to);
  hn::StoreU(
      to_bf16_pairs(element<Form, kBit + 16>(words, half), element<Form, kBit + 24>(words, half)),
      d16, to + kAmxDepth);
}

// One of kPartsOfGroup parts of a group: two quads.
constexpr int kPartsOfGroup = kQuads / 2;
template <class Form, int kPart>
HWY_INLINE void open_quads(const typename PackedTile<Form>::Unit& unit, std::uint16_t* out) {
  const HalfOfUnit half = open_half<Form>(unit, 2 * kPart / kQuadsOfHalf<Form>);
  open_quad<Form>(unit.template quad<2 * kPart>(), half, out);
  open_quad<Form>(unit.template quad<2 * kPart + 1>(), half, out + kOfQuad);
}
// Parts of a group come in order, and pass on what is the same for all of them.
template <class Form>
HWY_INLINE void open_part(const std::byte* tile, std::int64_t group, int part, GroupScales& kept,
                          std::uint16_t* out) {
  const FloatTag d;
  const auto unit = PackedTile<Form>(tile).unit(group);
  unit.fetch_ahead(part, kPartsOfGroup);
  out += 2 * part * kOfQuad;
  if constexpr (Form::kBits == 4) {  // a vector has both quads
    static_assert(Form::kHalves == 1);
    if (part == 0) {
      const HalfOfUnit all = open_half<Form>(unit, 0);
      hn::Store(all.scale, d, kept.scale), hn::Store(all.minimum, d, kept.minimum);
    }
    const HalfOfUnit half{hn::Load(d, kept.scale), hn::Load(d, kept.minimum)};
    const Bytes both = hn::LoadU(ByteTag(), unit.planes() + part * 4 * kLanes);
    open_quad<Form, 0>(both, half, out);
    open_quad<Form, 4>(both, half, out + kOfQuad);
  } else if (part == 0) {
    open_quads<Form, 0>(unit, out);
  } else if (part == 1) {
    open_quads<Form, 1>(unit, out);
  } else if (part == 2) {
    open_quads<Form, 2>(unit, out);
  } else {
    open_quads<Form, 3>(unit, out);
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
