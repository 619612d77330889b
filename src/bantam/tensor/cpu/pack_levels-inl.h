// How vectors become levels of 16 or 8 bits and scales in panels, for the instruction set being
// compiled.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_PACK_LEVELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_PACK_LEVELS_INL_H_
#undef BANTAM_TENSOR_CPU_PACK_LEVELS_INL_H_
#else
#define BANTAM_TENSOR_CPU_PACK_LEVELS_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "bantam/tensor/cpu/nearest-inl.h"
#include "bantam/tensor/cpu/packed_levels.h"
#include "bantam/tensor/cpu/pair_dot-inl.h"
#include "bantam/tensor/cpu/quad_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if BANTAM_MULTIPLIES_I16
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using ShortTag = hn::Repartition<std::int16_t, FloatTag>;
using ByteTag = hn::Repartition<std::uint8_t, FloatTag>;
using SignedByteTag = hn::RebindToSigned<ByteTag>;
using Floats = hn::Vec<FloatTag>;
using Ints = hn::Vec<IntTag>;
using Shorts = hn::Vec<ShortTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

template <class Level>
constexpr int kInWord = 4 / sizeof(Level);

// The largest level of a byte. VNNI adds products of bytes up in 32 bits; AVX2 does in 16 at first,
// which hold four products of these.
constexpr int kLargestByte = HWY_TARGET == HWY_AVX2 ? 63 : 127;
// Neighbors that share a scale: fewer make up for coarser levels.
constexpr std::int64_t kByteGroup = HWY_TARGET == HWY_AVX2 ? 32 : 64;
template <class Level>
constexpr int kLargestLevel = sizeof(Level) == 2 ? 32767 : kLargestByte;
// Instructions that multiply bytes take one factor without sign: levels of rows move up by this.
constexpr int kMovedUp = kLargestByte + 1;

// Of each lane: level = value * multiplier, value = level * scale.
struct Rounding {
  Floats multiplier, scale;
};

// The largest multiplier that leaves 16-bit levels a length whose square is below 2^31, with the
// 0.5 sqrt(kLargestGroup) that rounding adds.
HWY_INLINE Floats multiplier_for_length(Floats squares, Floats largest) {
  constexpr float kLongest = 46330;
  constexpr float kLengthOfOnes = 11.32f;  // sqrt(kLargestGroup), and a little more
  const FloatTag d;
  // Squares leave the range of f32 long before values do.
  const auto in_range =
      hn::And(hn::Gt(squares, hn::Set(d, 1e-30f)), hn::Lt(squares, hn::Set(d, 1e37f)));
  const Floats length =
      hn::IfThenElse(in_range, hn::Sqrt(squares), hn::Mul(largest, hn::Set(d, kLengthOfOnes)));
  return hn::Div(hn::Set(d, kLongest), length);
}

template <class Level>
HWY_INLINE Rounding rounding_of(Floats squares, Floats largest) {
  constexpr float kLargestMultiplier = 1e37f;
  const FloatTag d;
  Floats multiplier = hn::Min(hn::Div(hn::Set(d, float{kLargestLevel<Level>}), largest),
                              hn::Set(d, kLargestMultiplier));
  if constexpr (sizeof(Level) == 2) {
    multiplier = hn::Min(multiplier, multiplier_for_length(squares, largest));
  }
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
  } else if constexpr (HWY_TARGET == HWY_AVX2 && kCount == 6) {
    // Without AVX-512, CPUs of AMD take many cycles for a store under a mask.
    const hn::Half<D> four;
    const hn::Half<decltype(four)> two;
    hn::StoreU(hn::LowerHalf(four, values), four, to);
    hn::StoreU(hn::LowerHalf(two, hn::UpperHalf(four, values)), two, to + 4);
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

template <class Level, bool kRows>
HWY_INLINE Ints moved_up(Ints words) {
  if constexpr (!kRows || sizeof(Level) != 1) return words;
  const ByteTag d;
  return hn::BitCast(IntTag(), hn::Add(hn::BitCast(d, words), hn::Set(d, std::uint8_t{kMovedUp})));
}

// words [depth / kInWord][kWidth] of a group, its first kWidth lanes, and scales.
template <class Level, int kWidth, bool kRows>
HWY_INLINE void pack_lanes(const LanesOfGroup& x, std::int32_t* words, float* scales) {
  constexpr int kCount = kInWord<Level>, kBits = 32 / kCount;
  const IntTag di;
  const Floats none = hn::Zero(FloatTag());
  Magnitude magnitude;
  for (std::int64_t l = 0; l < x.depth; l += 2) {
    // Rows of a matrix lie far apart, and the next panel reads on from here.
    hwy::Prefetch(x.at + l * x.stride + kWidth);
    hwy::Prefetch(x.at + (l + 1) * x.stride + kWidth);
    magnitude.add(x[l], l + 1 < x.depth ? x[l + 1] : none);
  }
  const Rounding rounding = rounding_of<Level>(magnitude.squares(), magnitude.largest());
  store_some<kWidth>(rounding.scale, FloatTag(), scales);
  // What is not a number becomes some level; its scale is not a number either.
  const auto level = [&](std::int64_t l) { return nearest_low_bits(x[l], rounding.multiplier); };
  const Ints low_bits = hn::Set(di, static_cast<std::int32_t>((std::int64_t{1} << kBits) - 1));
  for (std::int64_t l = 0; l < x.depth; l += kCount, words += kWidth) {
    Ints word = hn::Zero(di);
    for (int i = kCount - 1; i >= 0; --i) {
      word = hn::ShiftLeft<kBits>(word);
      if (l + i < x.depth) word = hn::Or(word, hn::And(level(l + i), low_bits));
    }
    store_some<kWidth>(moved_up<Level, kRows>(word), di, words);
  }
}

// Elements of a vector that are rounded at a time: as many words as there are lanes.
template <class Level>
constexpr int kStep = kInWord<Level>* kLanes;

// Elements l … of a vector along k, zeros from `depth` on.
template <class Level>
struct Step {
  Floats parts[kInWord<Level>];
};
template <class Level>
HWY_INLINE Step<Level> step_at(const float* vector, std::int64_t l, std::int64_t depth) {
  float room[kStep<Level>];
  const float* at = vector + l;
  if (depth < l + kStep<Level>) {
    std::fill(std::copy(at, vector + depth, room), room + kStep<Level>, 0.0f);
    at = room;
  }
  Step<Level> step;
  for (int i = 0; i < kInWord<Level>; ++i) {
    step.parts[i] = hn::LoadU(FloatTag(), at + i * kLanes);
  }
  return step;
}

template <class Level>
HWY_INLINE void add(const Step<Level>& step, Magnitude& magnitude) {
  for (int i = 0; i < kInWord<Level>; i += 2) magnitude.add(step.parts[i], step.parts[i + 1]);
}

// Words of a step. Each instruction works within blocks of four lanes, so the words lie mixed:
// lane 4 b + i holds word word_in_lane<Level>(b, i).
HWY_INLINE Ints words_of(const Step<std::int16_t>& x, Floats multiplier) {
  const Ints low = nearest(x.parts[0], multiplier);
  const Ints high = nearest(x.parts[1], multiplier);
  return hn::BitCast(IntTag(), hn::ReorderDemote2To(ShortTag(), low, high));
}
HWY_INLINE Ints words_of(const Step<std::int8_t>& x, Floats multiplier) {
  const Ints low = words_of(Step<std::int16_t>{{x.parts[0], x.parts[1]}}, multiplier);
  const Ints high = words_of(Step<std::int16_t>{{x.parts[2], x.parts[3]}}, multiplier);
#if HWY_TARGET == HWY_AVX2  // Highway 1.0 has no name for these
  return Ints{_mm256_packs_epi16(low.raw, high.raw)};
#else
  return Ints{_mm512_packs_epi16(low.raw, high.raw)};
#endif
}
template <class Level>
constexpr int word_in_lane(int block, int i) {
  if (sizeof(Level) == 1) return i * kLanes / 4 + block;
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

// Turns what is turned in blocks of four: rows [kLanes][kLanes] are vectors, words [][kWidth] have
// a vector in each of kWidth lanes. Writes the first `count` words.
template <class Level, int kWidth>
HWY_INLINE void store_turned(const std::int32_t* rows, std::int64_t count, std::int32_t* words) {
  const IntTag d;
  for (int i = 0; i < 4; ++i) {
    const auto store = [&](Ints word, int block) HWY_ATTR {
      const int at = word_in_lane<Level>(block, i);
      if (at < count) store_some<kWidth>(word, d, words + at * kWidth);
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
template <class Level, int kWidth, bool kRows>
HWY_INLINE void pack_contiguous(const ContiguousGroup& x, std::int32_t* words, float* scales) {
  constexpr int kCount = kInWord<Level>;
  const FloatTag d;
  float squares[kLanes] = {}, largest[kLanes] = {}, multipliers[kLanes];
  for (std::int64_t v = 0; v < x.vectors; ++v) {
    Magnitude magnitude;
    for (std::int64_t l = 0; l < x.depth; l += kStep<Level>) {
      add(step_at<Level>(x.at + v * x.stride, l, x.depth), magnitude);
    }
    squares[v] = hn::GetLane(hn::SumOfLanes(d, magnitude.squares()));
    largest[v] = hn::GetLane(hn::MaxOfLanes(d, magnitude.largest()));
  }
  const Rounding rounding = rounding_of<Level>(hn::LoadU(d, squares), hn::LoadU(d, largest));
  store_some<kWidth>(rounding.scale, d, scales);
  hn::StoreU(rounding.multiplier, d, multipliers);
  std::int32_t rows[kLanes * kLanes] = {};
  const auto words_of_vector = [&](std::int64_t v, std::int64_t l) HWY_ATTR {
    if (v >= x.vectors) return hn::Zero(IntTag());
    const auto step = step_at<Level>(x.at + v * x.stride, l, x.depth);
    return moved_up<Level, kRows>(words_of(step, hn::Set(d, multipliers[v])));
  };
  for (std::int64_t l = 0; l < x.depth; l += kStep<Level>) {
    for (std::int64_t v = 0; v < x.vectors; v += 4) {
      store_turned_in_blocks(words_of_vector(v, l), words_of_vector(v + 1, l),
                             words_of_vector(v + 2, l), words_of_vector(v + 3, l),
                             rows + v * kLanes);
    }
    store_turned<Level, kWidth>(rows, (x.depth - l + kCount - 1) / kCount,
                                words + l / kCount * kWidth);
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

// What rows that moved up add to their dot products with the columns of a group, negated.
template <int kWidth>
HWY_INLINE void store_corrections(const std::int32_t* words, std::int64_t count,
                                  std::int32_t* corrections) {
  const IntTag d;
  using Sum = QuadSums<ByteTag, kMovedUp, false, kLargestByte>;
  const auto moved_up = Sum::prepare(hn::Set(ByteTag(), std::uint8_t{kMovedUp}));
  for (int lane = 0; lane < kWidth; lane += kLanes) {
    Sum sum;
    sum.start(hn::Zero(d));
    for (std::int64_t i = 0; i < count; ++i) {
      const Ints levels = hn::LoadU(d, words + i * kWidth + lane);
      sum.template add<0, 1>(moved_up, hn::BitCast(SignedByteTag(), levels));
    }
    hn::StoreU(hn::Neg(sum.total()), d, corrections + lane);
  }
}

// The group of a panel that begins at element l of its block. kRows: rows of a, else columns of b.
template <class Level, int kWidth, bool kRows>
HWY_INLINE void pack_group(const Vectors& from, const PackedVectors::Panel& to, std::int64_t panel,
                           std::int64_t l) {
  constexpr int kBatch = std::min(kWidth, kLanes), kCount = kInWord<Level>;
  float room[kLargestGroup * kLanes];
  const std::int64_t begin = to.begin + l, depth = std::min(to.group, to.depth - l);
  std::int32_t* words_of_group = to.words + l / kCount * kWidth;
  for (int lane = 0; lane < kWidth; lane += kBatch) {
    std::int32_t* words = words_of_group + lane;
    float* scales = to.scales + l / to.group * kWidth + lane;
    const std::int64_t first = panel * kWidth + lane;
    const std::int64_t vectors = std::clamp<std::int64_t>(from.count - first, 0, kBatch);
    if (vectors > 0 && !from.contiguous) {
      pack_lanes<Level, kWidth, kRows>(lanes_of_group(from, first, begin, depth, room), words,
                                       scales);
    } else {
      pack_contiguous<Level, kWidth, kRows>(
          {from.data + first * from.stride + begin, from.stride, depth, vectors}, words, scales);
    }
  }
  if constexpr (sizeof(Level) == 1 && !kRows) {
    store_corrections<kWidth>(words_of_group, (depth + kCount - 1) / kCount,
                              to.corrections + l / to.group * kWidth);
  }
}

// Panels first … last of a block, of kWidth vectors each; vectors beyond the last are zeros.
template <class Level, int kWidth, bool kRows>
void pack(const Vectors& from, const PackedVectors& to, std::int64_t block, std::int64_t first,
          std::int64_t last) {
  const std::int64_t depth = to.panel(block, first).depth;
  // What lies side by side in memory is packed while its lines and pages are at hand: a vector
  // from end to end, or a group of all vectors.
  const std::int64_t elements_at_once = from.contiguous ? depth : to.group;
  for (std::int64_t begin = 0; begin < depth; begin += elements_at_once) {
    for (std::int64_t panel = first; panel < last; ++panel) {
      const PackedVectors::Panel at = to.panel(block, panel);
      for (std::int64_t l = begin; l < std::min(begin + elements_at_once, depth); l += to.group) {
        pack_group<Level, kWidth, kRows>(from, at, panel, l);
      }
    }
  }
}

#endif  // BANTAM_MULTIPLIES_I16
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
