// Block formats as streams of f32 vectors, for the instruction set being compiled: all that a
// kernel over quantized weights needs to know of a format.
//
// Each format names a group of elements that share a scale, and gives
//   parameters(block, group)          scale and minimum: element = level * scale + minimum
//   levels(d, block, group, use)      use(offset in the group, Vec of levels) for the whole group
// The vectors have 4, 8 or 16 lanes (StreamTag), which divide every group.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_BLOCK_STREAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_BLOCK_STREAM_INL_H_
#undef BANTAM_TENSOR_CPU_BLOCK_STREAM_INL_H_
#else
#define BANTAM_TENSOR_CPU_BLOCK_STREAM_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "bantam/tensor/float16.h"
#include "bantam/tensor/quant/q4_0.h"
#include "bantam/tensor/quant/q4_1.h"
#include "bantam/tensor/quant/q4_k.h"
#include "bantam/tensor/quant/q5_0.h"
#include "bantam/tensor/quant/q5_1.h"
#include "bantam/tensor/quant/q6_k.h"
#include "bantam/tensor/quant/q8_0.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using StreamTag = hn::CappedTag<float, 16>;

struct GroupParameters {
  float scale, minimum;
};

template <class Block>
struct StreamOf {
  static constexpr int kGroup = 32;
  static constexpr bool kHasMinimum = false;
};
template <>
struct StreamOf<Q4_1Block> {
  static constexpr int kGroup = 32;
  static constexpr bool kHasMinimum = true;
};
template <>
struct StreamOf<Q5_1Block> : StreamOf<Q4_1Block> {};
template <>
struct StreamOf<Q4_KBlock> : StreamOf<Q4_1Block> {};
template <>
struct StreamOf<Q6_KBlock> {
  static constexpr int kGroup = 16;
  static constexpr bool kHasMinimum = false;
};

// One instruction where the CPU has F16C. Highway's own code for CPUs without it does not know
// infinity and NaN.
HWY_INLINE float half_to_float(std::uint16_t bits) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return f16_to_float(bits);
#else
  const hn::CappedTag<float, 1> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> d16;
  hwy::float16_t half;
  std::memcpy(&half, &bits, sizeof half);
  return hn::GetLane(hn::PromoteTo(d, hn::LoadU(d16, &half)));
#endif
}

// Bytes as i32 lanes.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> bytes_at(D, const std::uint8_t* bytes) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  return hn::PromoteTo(di, hn::LoadU(d8, bytes));
}

// The layout of the 32-element formats: low halves first, then high halves.
template <class D, class Use>
HWY_INLINE void nibbles(D d, const std::uint8_t* bytes, Use use) {
  const hn::RebindToSigned<D> di;
  const auto mask = hn::Set(di, 15);
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < 16; i += lanes) {
    const auto both = bytes_at(d, bytes + i);
    use(i, hn::And(both, mask));
    use(i + 16, hn::ShiftRight<4>(both));
  }
}

HWY_INLINE GroupParameters parameters(const Q4_0Block& block, int) {
  return {half_to_float(block.scale), 0};
}
template <class D, class Use>
HWY_INLINE void levels(D d, const Q4_0Block& block, int, Use use) {
  const auto eight = hn::Set(hn::RebindToSigned<D>(), 8);
  nibbles(d, block.levels, [&](int offset, auto level) HWY_ATTR {
    use(offset, hn::ConvertTo(d, hn::Sub(level, eight)));
  });
}

HWY_INLINE GroupParameters parameters(const Q4_1Block& block, int) {
  return {half_to_float(block.scale), half_to_float(block.minimum)};
}
template <class D, class Use>
HWY_INLINE void levels(D d, const Q4_1Block& block, int, Use use) {
  nibbles(d, block.levels,
          [&](int offset, auto level) HWY_ATTR { use(offset, hn::ConvertTo(d, level)); });
}

// Adds 16 to the lanes whose bit in `fifth_bits` is set.
template <class D, class V>
HWY_INLINE V with_fifth_bit(D, V level, const std::uint8_t* fifth_bits, int offset) {
  const hn::RebindToSigned<D> di;
  std::uint32_t bits;
  std::memcpy(&bits, fifth_bits, sizeof bits);
  const auto bit_of_lane = hn::Shl(hn::Set(di, 1), hn::Iota(di, 0));
  const auto lanes = hn::And(hn::Set(di, static_cast<std::int32_t>(bits >> offset)), bit_of_lane);
  return hn::Or(level, hn::IfThenElseZero(hn::Eq(lanes, bit_of_lane), hn::Set(di, 16)));
}

HWY_INLINE GroupParameters parameters(const Q5_0Block& block, int) {
  return {half_to_float(block.scale), 0};
}
template <class D, class Use>
HWY_INLINE void levels(D d, const Q5_0Block& block, int, Use use) {
  const auto sixteen = hn::Set(hn::RebindToSigned<D>(), 16);
  nibbles(d, block.levels, [&](int offset, auto level) HWY_ATTR {
    const auto full = with_fifth_bit(d, level, block.fifth_bits, offset);
    use(offset, hn::ConvertTo(d, hn::Sub(full, sixteen)));
  });
}

HWY_INLINE GroupParameters parameters(const Q5_1Block& block, int) {
  return {half_to_float(block.scale), half_to_float(block.minimum)};
}
template <class D, class Use>
HWY_INLINE void levels(D d, const Q5_1Block& block, int, Use use) {
  nibbles(d, block.levels, [&](int offset, auto level) HWY_ATTR {
    use(offset, hn::ConvertTo(d, with_fifth_bit(d, level, block.fifth_bits, offset)));
  });
}

HWY_INLINE GroupParameters parameters(const Q8_0Block& block, int) {
  return {half_to_float(block.scale), 0};
}
template <class D, class Use>
HWY_INLINE void levels(D d, const Q8_0Block& block, int, Use use) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::int8_t, D> d8;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < 32; i += lanes) {
    use(i, hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, block.levels + i))));
  }
}

HWY_INLINE GroupParameters parameters(const Q4_KBlock& block, int group) {
  const GroupScale packed = group_scale(block, group);
  return {half_to_float(block.scale) * static_cast<float>(packed.scale),
          -(half_to_float(block.minimum) * static_cast<float>(packed.minimum))};
}
template <class D, class Use>
HWY_INLINE void levels(D d, const Q4_KBlock& block, int group, Use use) {
  const hn::RebindToSigned<D> di;
  const auto mask = hn::Set(di, 15);
  const std::uint8_t* bytes = block.levels + group / 2 * 32;
  const int shift = group % 2 * 4;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < 32; i += lanes) {
    const auto level = hn::And(hn::ShiftRightSame(bytes_at(d, bytes + i), shift), mask);
    use(i, hn::ConvertTo(d, level));
  }
}

HWY_INLINE GroupParameters parameters(const Q6_KBlock& block, int group) {
  return {half_to_float(block.scale) * static_cast<float>(block.group_scales[group]), 0};
}
template <class D, class Use>
HWY_INLINE void levels(D d, const Q6_KBlock& block, int group, Use use) {
  const hn::RebindToSigned<D> di;
  const int half = group / 8, run = group % 8 / 2, begin = group % 2 * 16;
  const std::uint8_t* low = block.low_bits + half * 64 + run % 2 * 32 + begin;
  const std::uint8_t* upper = block.upper_bits + half * 32 + begin;
  const auto low_mask = hn::Set(di, 15), upper_mask = hn::Set(di, 3), middle = hn::Set(di, 32);
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < 16; i += lanes) {
    const auto four = hn::And(hn::ShiftRightSame(bytes_at(d, low + i), run / 2 * 4), low_mask);
    const auto two = hn::And(hn::ShiftRightSame(bytes_at(d, upper + i), run * 2), upper_mask);
    use(i, hn::ConvertTo(d, hn::Sub(hn::Or(four, hn::ShiftLeft<4>(two)), middle)));
  }
}

}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
