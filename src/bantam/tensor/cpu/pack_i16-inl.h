// How vectors become 16-bit levels and scales in panels, for the instruction set being compiled.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_PACK_I16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_PACK_I16_INL_H_
#undef BANTAM_TENSOR_CPU_PACK_I16_INL_H_
#else
#define BANTAM_TENSOR_CPU_PACK_I16_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "bantam/tensor/cpu/packed_i16.h"

// AVX-512 without VNNI (HWY_AVX3) multiplies and adds 16-bit integers no faster than floats.
#undef BANTAM_HAS_I16_PACKING
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3_DL
#define BANTAM_HAS_I16_PACKING 1
#else
#define BANTAM_HAS_I16_PACKING 0
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if BANTAM_HAS_I16_PACKING
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using ShortTag = hn::Repartition<std::int16_t, FloatTag>;
using Floats = hn::Vec<FloatTag>;
using Ints = hn::Vec<IntTag>;
using Shorts = hn::Vec<ShortTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

// Of each lane: level = value * multiplier, value = level * scale.
struct Rounding {
  Floats multiplier, scale;
};

HWY_INLINE Rounding rounding_of(Floats squares, Floats largest) {
  // With 0.5 sqrt(kLargestGroup) of rounding, still less than 2^31 when squared.
  constexpr float kLongest = 46330, kLargestLevel = 32767, kLargestMultiplier = 1e37f;
  constexpr float kLengthOfOnes = 11.32f;  // sqrt(kLargestGroup), and a little more
  const FloatTag d;
  // Squares leave the range of f32 long before values do.
  const auto in_range =
      hn::And(hn::Gt(squares, hn::Set(d, 1e-30f)), hn::Lt(squares, hn::Set(d, 1e37f)));
  const Floats length =
      hn::IfThenElse(in_range, hn::Sqrt(squares), hn::Mul(largest, hn::Set(d, kLengthOfOnes)));
  Floats multiplier =
      hn::Min(hn::Div(hn::Set(d, kLongest), length), hn::Div(hn::Set(d, kLargestLevel), largest));
  multiplier = hn::Min(multiplier, hn::Set(d, kLargestMultiplier));
  const Floats scale = hn::Div(hn::Set(d, 1.0f), multiplier);
  const auto is_zero = hn::Eq(largest, hn::Zero(d));
  const auto is_bad = hn::Or(hn::IsNaN(squares), hn::IsInf(largest));
  return {hn::IfThenZeroElse(hn::Or(is_zero, is_bad), multiplier),
          hn::IfThenElse(is_bad, hn::NaN(d), hn::IfThenZeroElse(is_zero, scale))};
}

// What a rounding depends on; two chains, since each step waits for its last.
class Magnitude {
 public:
  HWY_INLINE Magnitude() {
    squares_ = more_squares_ = largest_ = also_large_ = hn::Zero(FloatTag());
  }
  HWY_INLINE void add(Floats even, Floats odd) {
    squares_ = hn::MulAdd(even, even, squares_);
    more_squares_ = hn::MulAdd(odd, odd, more_squares_);
    largest_ = hn::Max(largest_, hn::Abs(even));
    also_large_ = hn::Max(also_large_, hn::Abs(odd));
  }
  HWY_INLINE Floats squares() const { return hn::Add(squares_, more_squares_); }
  HWY_INLINE Floats largest() const { return hn::Max(largest_, also_large_); }

 private:
  Floats squares_, more_squares_, largest_, also_large_;
};

// Writes the first kCount lanes.
template <int kCount, class D>
HWY_INLINE void store_some(hn::Vec<D> values, D d, hn::TFromD<D>* to) {
  if constexpr (kCount >= kLanes) {
    hn::StoreU(values, d, to);
  } else {
    hn::BlendedStore(values, hn::FirstN(d, kCount), d, to);
  }
}

// A group of some vectors, one for each lane: element l of lane v is at[l * stride + v].
struct LanesOfGroup {
  const float* at;
  std::int64_t stride, depth;
  HWY_INLINE Floats operator[](std::int64_t l) const {
    return hn::LoadU(FloatTag(), at + l * stride);
  }
};

// pairs [depth / 2][kWidth] of a group, its first kWidth lanes, and scales.
template <int kWidth>
HWY_INLINE void pack_lanes(const LanesOfGroup& x, std::int32_t* pairs, float* scales) {
  const IntTag di;
  const Floats none = hn::Zero(FloatTag());
  Magnitude magnitude;
  for (std::int64_t l = 0; l < x.depth; l += 2) {
    // Rows of a matrix lie far apart, and the next panel reads on from here.
    hwy::Prefetch(x.at + l * x.stride + kWidth);
    hwy::Prefetch(x.at + (l + 1) * x.stride + kWidth);
    magnitude.add(x[l], l + 1 < x.depth ? x[l + 1] : none);
  }
  const Rounding rounding = rounding_of(magnitude.squares(), magnitude.largest());
  store_some<kWidth>(rounding.scale, FloatTag(), scales);
  // What is not a number becomes some level; its scale is not a number either.
  const auto level = [&](std::int64_t l) {
    return hn::NearestInt(hn::Mul(x[l], rounding.multiplier));
  };
  for (std::int64_t l = 0; l < x.depth; l += 2, pairs += kWidth) {
    const Ints even = hn::And(level(l), hn::Set(di, 0xffff));
    const Ints odd = l + 1 < x.depth ? hn::ShiftLeft<16>(level(l + 1)) : hn::Zero(di);
    store_some<kWidth>(hn::Or(even, odd), di, pairs);
  }
}

// Elements of a vector that are rounded at a time: as many pairs as there are lanes.
constexpr int kStep = 2 * kLanes;

// Elements l … of a vector along k, zeros from `depth` on.
struct Step {
  Floats low, high;
};
HWY_INLINE Step step_at(const float* vector, std::int64_t l, std::int64_t depth) {
  const FloatTag d;
  if (l + kStep <= depth) {
    return {hn::LoadU(d, vector + l), hn::LoadU(d, vector + l + kLanes)};
  }
  float room[kStep] = {};
  std::copy(vector + l, vector + depth, room);
  return {hn::LoadU(d, room), hn::LoadU(d, room + kLanes)};
}

// Pairs of levels of a step. Lane 4 t + i holds pair 2 t + i of the low half where i < 2, pair
// 2 t + i - 2 of the high half elsewhere.
HWY_INLINE Ints pairs_of(const Step& x, Floats multiplier) {
  const Ints low = hn::NearestInt(hn::Mul(x.low, multiplier));
  const Ints high = hn::NearestInt(hn::Mul(x.high, multiplier));
  return hn::BitCast(IntTag(), hn::ReorderDemote2To(ShortTag(), low, high));
}
constexpr int pair_in_lane(int block, int i) {
  return 2 * block + i % 2 + (i < 2 ? 0 : kLanes / 2);
}

HWY_INLINE Ints interleaved_twos(Ints a, Ints b, bool upper) {
  const hn::RepartitionToWide<IntTag> d;
  const auto x = hn::BitCast(d, a), y = hn::BitCast(d, b);
  return hn::BitCast(IntTag(), upper ? hn::InterleaveUpper(d, x, y) : hn::InterleaveLower(d, x, y));
}

// rows[0 … 3] [kLanes] := a, b, c, d with each block of four lanes turned.
HWY_INLINE void store_turned_in_blocks(Ints a, Ints b, Ints c, Ints d, std::int32_t* rows) {
  const IntTag tag;
  const Ints ab_low = hn::InterleaveLower(tag, a, b), ab_high = hn::InterleaveUpper(tag, a, b);
  const Ints cd_low = hn::InterleaveLower(tag, c, d), cd_high = hn::InterleaveUpper(tag, c, d);
  hn::StoreU(interleaved_twos(ab_low, cd_low, false), tag, rows);
  hn::StoreU(interleaved_twos(ab_low, cd_low, true), tag, rows + kLanes);
  hn::StoreU(interleaved_twos(ab_high, cd_high, false), tag, rows + 2 * kLanes);
  hn::StoreU(interleaved_twos(ab_high, cd_high, true), tag, rows + 3 * kLanes);
}

// The even blocks of two vectors, b's after a's, and the odd ones.
HWY_INLINE Ints even_blocks(Ints a, Ints b) {
  return hn::OddEvenBlocks(hn::SwapAdjacentBlocks(b), a);
}
HWY_INLINE Ints odd_blocks(Ints a, Ints b) {
  return hn::OddEvenBlocks(b, hn::SwapAdjacentBlocks(a));
}

// Turns what is turned in blocks of four: rows [kLanes][kLanes] are vectors, pairs [][kWidth] have
// a vector in each of kWidth lanes. Writes the first `count` pairs.
template <int kWidth>
HWY_INLINE void store_turned(const std::int32_t* rows, std::int64_t count, std::int32_t* pairs) {
  const IntTag d;
  for (int i = 0; i < 4; ++i) {
    const auto store = [&](Ints pair, int block) HWY_ATTR {
      const int at = pair_in_lane(block, i);
      if (at < count) store_some<kWidth>(pair, d, pairs + at * kWidth);
    };
    const std::int32_t* row = rows + i * kLanes;
    const Ints of_first = hn::LoadU(d, row), of_second = hn::LoadU(d, row + 4 * kLanes);
    const Ints even = even_blocks(of_first, of_second), odd = odd_blocks(of_first, of_second);
    if constexpr (kLanes == 8) {
      store(even, 0);
      store(odd, 1);
    } else {
      const Ints of_third = hn::LoadU(d, row + 8 * kLanes),
                 of_last = hn::LoadU(d, row + 12 * kLanes);
      const Ints more_even = even_blocks(of_third, of_last),
                 more_odd = odd_blocks(of_third, of_last);
      store(hn::ConcatLowerLower(d, more_even, even), 0);
      store(hn::ConcatLowerLower(d, more_odd, odd), 1);
      store(hn::ConcatUpperUpper(d, more_even, even), 2);
      store(hn::ConcatUpperUpper(d, more_odd, odd), 3);
    }
  }
}

// A group of at most kLanes contiguous vectors: element l of vector v is at[v * stride + l].
struct ContiguousGroup {
  const float* at;
  std::int64_t stride, depth, vectors;
};

// The same as pack_lanes.
template <int kWidth>
HWY_INLINE void pack_contiguous(const ContiguousGroup& x, std::int32_t* pairs, float* scales) {
  const FloatTag d;
  float squares[kLanes] = {}, largest[kLanes] = {}, multipliers[kLanes];
  for (std::int64_t v = 0; v < x.vectors; ++v) {
    Magnitude magnitude;
    for (std::int64_t l = 0; l < x.depth; l += kStep) {
      const Step step = step_at(x.at + v * x.stride, l, x.depth);
      magnitude.add(step.low, step.high);
    }
    squares[v] = hn::GetLane(hn::SumOfLanes(d, magnitude.squares()));
    largest[v] = hn::GetLane(hn::MaxOfLanes(d, magnitude.largest()));
  }
  const Rounding rounding = rounding_of(hn::LoadU(d, squares), hn::LoadU(d, largest));
  store_some<kWidth>(rounding.scale, d, scales);
  hn::StoreU(rounding.multiplier, d, multipliers);
  std::int32_t rows[kLanes * kLanes] = {};
  const auto pairs_of_vector = [&](std::int64_t v, std::int64_t l) HWY_ATTR {
    if (v >= x.vectors) return hn::Zero(IntTag());
    const Step step = step_at(x.at + v * x.stride, l, x.depth);
    return pairs_of(step, hn::Set(d, multipliers[v]));
  };
  for (std::int64_t l = 0; l < x.depth; l += kStep) {
    for (std::int64_t v = 0; v < x.vectors; v += 4) {
      store_turned_in_blocks(pairs_of_vector(v, l), pairs_of_vector(v + 1, l),
                             pairs_of_vector(v + 2, l), pairs_of_vector(v + 3, l),
                             rows + v * kLanes);
    }
    store_turned<kWidth>(rows, (x.depth - l + 1) / 2, pairs + l / 2 * kWidth);
  }
}

// A group of vectors `first` … that are not contiguous; where their lanes cannot be read in place
// they are copied into `room` [group][kLanes].
HWY_INLINE LanesOfGroup lanes_of_group(const Vectors& from, std::int64_t first, std::int64_t begin,
                                       std::int64_t depth, float* room) {
  const float* at = from.data + begin * from.stride + first;
  if (first + kLanes <= from.count) return {at, from.stride, depth};
  std::fill_n(room, depth * kLanes, 0.0f);
  for (std::int64_t l = 0; l < depth; ++l) {
    std::copy_n(at + l * from.stride, from.count - first, room + l * kLanes);
  }
  return {room, kLanes, depth};
}

// A panel of kWidth vectors; those beyond the last are zeros.
template <int kWidth>
void pack(const Vectors& from, const PackedVectors::Panel& to, std::int64_t panel) {
  constexpr int kBatch = std::min(kWidth, kLanes);
  float room[kLargestGroup * kLanes];
  for (std::int64_t l = 0; l < to.depth; l += to.group) {
    const std::int64_t begin = to.begin + l, depth = std::min(to.group, to.depth - l);
    for (int lane = 0; lane < kWidth; lane += kBatch) {
      auto* pairs = reinterpret_cast<std::int32_t*>(to.levels + l * kWidth) + lane;
      float* scales = to.scales + l / to.group * kWidth + lane;
      const std::int64_t first = panel * kWidth + lane;
      const std::int64_t vectors = std::clamp<std::int64_t>(from.count - first, 0, kBatch);
      if (vectors > 0 && !from.contiguous) {
        pack_lanes<kWidth>(lanes_of_group(from, first, begin, depth, room), pairs, scales);
      } else {
        pack_contiguous<kWidth>(
            {from.data + first * from.stride + begin, from.stride, depth, vectors}, pairs, scales);
      }
    }
  }
}

#endif  // BANTAM_HAS_I16_PACKING
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
