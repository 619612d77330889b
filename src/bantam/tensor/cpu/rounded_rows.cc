#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/rounded_rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/rounded_rows.h"

#ifndef BANTAM_TENSOR_CPU_ROUNDED_ROWS_ONCE_
#define BANTAM_TENSOR_CPU_ROUNDED_ROWS_ONCE_
namespace bantam::cpu {

// Where a block goes; arrays as RoundedRows::Block has them.
struct RoomOfBlock {
  bool wide;
  int rows, stride;
  std::int8_t* levels;
  float* scales;
  std::int32_t* negative_sums;
  float* sums;
  std::vector<RoundedRows::Remainder>* remainders;

  // Four levels of a group and a row.
  std::int8_t* quad(std::int64_t group, int row, int index) const {
    constexpr int kGroup = RoundedRows::kGroup;
    std::int8_t* at = levels + group * kGroup * stride;
    return wide ? at + (index * stride + row) * 4 : at + row * kGroup + index * 4;
  }
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::CappedTag<float, 16>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kGroup = RoundedRows::kGroup, kHalf = kGroup / 2;
constexpr float kLargestLevel = 127;

HWY_INLINE float largest_of_group(const float* HWY_RESTRICT x) {
  const FloatTag d;
  auto largest = hn::Zero(d);
  for (int i = 0; i < kGroup; i += kLanes) largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + i)));
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

// Halves of a group of levels, which lie apart, and their sums.
struct LevelHalves {
  std::int8_t *first, *second;
};
struct LevelSums {
  std::int32_t first, second;
  HWY_INLINE void store_negative(std::int32_t* to, std::int64_t stride) const {
    to[0] = -first, to[stride] = -second, to[2 * stride] = -(first + second);
  }
};

// Half a group in levels.
HWY_INLINE std::int32_t round_half(const float* HWY_RESTRICT x, float inverse_scale,
                                   std::int8_t* HWY_RESTRICT levels) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> d32;
  const hn::RebindToUnsigned<FloatTag> du32;
  const hn::Rebind<std::uint8_t, FloatTag> d8;
  // Added to a small number, this rounds it to an integer, which the lowest bits then hold.
  const auto rounder = hn::Set(d, 12582912.0F);
  auto sum = hn::Zero(d32);
  for (int i = 0; i < kHalf; i += kLanes) {
    const auto level = hn::Add(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse_scale)), rounder);
    sum = hn::Add(sum, hn::Sub(hn::BitCast(d32, level), hn::BitCast(d32, rounder)));
    hn::StoreU(hn::TruncateTo(d8, hn::BitCast(du32, level)), d8,
               reinterpret_cast<std::uint8_t*>(levels) + i);
  }
  return hn::GetLane(hn::SumOfLanes(d32, sum));
}

HWY_INLINE LevelSums round_group(const float* HWY_RESTRICT x, float inverse_scale,
                                 LevelHalves levels) {
  const std::int32_t first = round_half(x, inverse_scale, levels.first);
  return {first, round_half(x + kHalf, inverse_scale, levels.second)};
}

HWY_INLINE float inverse_of(float scale) { return scale > 0 ? 1 / scale : 0; }

// Scales of groups with such largest magnitudes, and inverse_of() each.
template <class V>
struct Scales {
  V scale, inverse;
};
template <class D>
HWY_INLINE Scales<hn::Vec<D>> scales_of(D d, const float* largest) {
  const auto scale = hn::Div(hn::LoadU(d, largest), hn::Set(d, kLargestLevel));
  const auto has_levels = hn::Gt(scale, hn::Zero(d));
  return {scale, hn::IfThenElseZero(has_levels, hn::Div(hn::Set(d, 1), scale))};
}

// Of half a group that lies together.
HWY_INLINE std::int32_t sum_of_levels(const std::int8_t* levels) {
#if HWY_TARGET == HWY_SCALAR
  return std::accumulate(levels, levels + kHalf, std::int32_t{0});
#else
  const hn::FixedTag<std::uint8_t, kHalf> d;
  // Moved up by 128 they are positive.
  const auto moved =
      hn::Xor(hn::LoadU(d, reinterpret_cast<const std::uint8_t*>(levels)), hn::Set(d, 0x80));
  const auto sums = hn::SumsOf8(moved);
  return static_cast<std::int32_t>(hn::GetLane(sums) + hn::ExtractLane(sums, 1)) - kHalf * 128;
#endif
}

// First terms of one row of a block that is not wide, as many groups at a time as a vector has
// lanes: divisions take long.
HWY_INLINE void round_narrow(const float* HWY_RESTRICT x, std::int64_t groups, int row,
                             const RoomOfBlock& room) {
  const FloatTag d;
  for (std::int64_t begin = 0; begin < groups; begin += kLanes) {
    const int count = static_cast<int>(std::min<std::int64_t>(kLanes, groups - begin));
    float largest[kLanes] = {}, scales[kLanes], inverse[kLanes];
    for (int g = 0; g < count; ++g) largest[g] = largest_of_group(x + (begin + g) * kGroup);
    const auto of_groups = scales_of(d, largest);
    hn::StoreU(of_groups.scale, d, scales);
    hn::StoreU(of_groups.inverse, d, inverse);
    for (int g = 0; g < count; ++g) {
      const std::int64_t group = begin + g, at = group * room.stride + row;
      std::int8_t* levels = room.quad(group, row, 0);
      round_group(x + group * kGroup, inverse[g], {levels, levels + kHalf});
      const LevelSums sums{sum_of_levels(levels), sum_of_levels(levels + kHalf)};
      room.scales[at] = scales[g];
      room.sums[at] = scales[g] * static_cast<float>(sums.first + sums.second);
      sums.store_negative(room.negative_sums + 3 * group * room.stride + row, room.stride);
    }
  }
}

// Stores half a group of levels [rows][16], as many rows as lanes, where a wide block has them, and
// gives minus their sums.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> store_wide_half(D, const std::int8_t* levels,
                                                          std::int8_t* to, std::int64_t of_quad) {
  const hn::RebindToSigned<D> d32;
  const hn::RebindToUnsigned<D> du32;
  hn::Vec<decltype(du32)> quads[4];
  hn::LoadInterleaved4(du32, reinterpret_cast<const std::uint32_t*>(levels), quads[0], quads[1],
                       quads[2], quads[3]);
  // Levels moved up by 128 are positive, and eight of them fit half of a lane.
  const auto up = hn::Set(du32, 0x80808080U), even = hn::Set(du32, 0x00FF00FFU);
  auto pairs = hn::Zero(du32);
  for (int q = 0; q < 4; ++q) {
    hn::StoreU(quads[q], du32, reinterpret_cast<std::uint32_t*>(to + q * of_quad));
    const auto moved = hn::Xor(quads[q], up);
    pairs = hn::Add(pairs, hn::Add(hn::And(moved, even), hn::And(hn::ShiftRight<8>(moved), even)));
  }
  const auto total = hn::Add(hn::And(pairs, hn::Set(du32, 0xFFFFU)), hn::ShiftRight<16>(pairs));
  return hn::Sub(hn::Set(d32, kHalf * 128), hn::BitCast(d32, total));
}

// First terms of a group of as many rows of a wide block as d has lanes; x [rows][width].
template <class D>
HWY_INLINE void round_wide(D d, const float* HWY_RESTRICT x, std::int64_t width, std::int64_t group,
                           int row, const RoomOfBlock& room) {
  constexpr int kRows = static_cast<int>(hn::MaxLanes(D()));
  const int rows = std::min(kRows, room.rows - row);  // the others are 0
  float largest[kRows] = {}, inverse[kRows];
  for (int r = 0; r < rows; ++r) largest[r] = largest_of_group(x + r * width);
  const auto of_rows = scales_of(d, largest);
  hn::StoreU(of_rows.inverse, d, inverse);

  std::int8_t levels[2][kRows * kHalf];
  for (int r = 0; r < rows; ++r) {
    round_group(x + r * width, inverse[r], {levels[0] + r * kHalf, levels[1] + r * kHalf});
  }
  if (rows < kRows) {
    const int done = std::max(rows, 0) * kHalf;
    for (auto& half : levels) std::fill(half + done, half + kRows * kHalf, std::int8_t{0});
  }
  const hn::RebindToSigned<D> d32;
  const std::int64_t of_quad = 4 * room.stride, at = group * room.stride + row;
  const auto first = store_wide_half(d, levels[0], room.quad(group, row, 0), of_quad),
             second = store_wide_half(d, levels[1], room.quad(group, row, 4), of_quad),
             both = hn::Add(first, second);
  std::int32_t* negative = room.negative_sums + 3 * group * room.stride + row;
  hn::StoreU(first, d32, negative);
  hn::StoreU(second, d32, negative + room.stride);
  hn::StoreU(both, d32, negative + 2 * room.stride);
  hn::StoreU(of_rows.scale, d, room.scales + at);
  hn::StoreU(hn::Mul(of_rows.scale, hn::ConvertTo(d, hn::Neg(both))), d, room.sums + at);
}

// The second term of a group of one row.
HWY_NOINLINE void add_remainder(const float* HWY_RESTRICT x, std::int64_t group, int row,
                                const RoomOfBlock& room) {
  const float scale = room.scales[group * room.stride + row];
  float rest[kGroup];
  for (int q = 0; q < kGroup / 4; ++q) {
    const std::int8_t* levels = room.quad(group, row, q);
    for (int i = 0; i < 4; ++i) {
      rest[4 * q + i] = x[4 * q + i] - scale * static_cast<float>(levels[i]);
    }
  }
  RoundedRows::Remainder& remainder = room.remainders->emplace_back();
  remainder.row = row;
  remainder.group = static_cast<std::int32_t>(group);
  remainder.scale = largest_of_group(rest) / kLargestLevel;
  const LevelSums sums =
      round_group(rest, inverse_of(remainder.scale), {remainder.levels, remainder.levels + kHalf});
  sums.store_negative(remainder.negative_sums, 1);
  room.sums[group * room.stride + row] +=
      remainder.scale * static_cast<float>(sums.first + sums.second);
}

// Second terms of as many rows as d has lanes, from `row` on.
template <class D>
HWY_INLINE void add_remainders(D d, const float* HWY_RESTRICT x, std::int64_t groups, int row,
                               const RoomOfBlock& room) {
  const auto square = [&](std::int64_t group) HWY_ATTR {
    const auto scale = hn::LoadU(d, room.scales + group * room.stride + row);
    return hn::Mul(scale, scale);
  };
  auto squares = hn::Zero(d);
  for (std::int64_t g = 0; g < groups; ++g) squares = hn::Add(squares, square(g));
  const auto limit = hn::Div(hn::Mul(hn::Set(d, RoundedRows::kOutlier), squares),
                             hn::Set(d, static_cast<float>(groups)));
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto beyond = hn::Gt(square(g), limit);
    if (hn::AllFalse(d, beyond)) continue;
    float is_beyond[hn::MaxLanes(D())];
    hn::StoreU(hn::IfThenElseZero(beyond, hn::Set(d, 1)), d, is_beyond);
    for (int r = 0; r < static_cast<int>(hn::Lanes(d)); ++r) {
      if (is_beyond[r] != 0) {
        add_remainder(x + ((row + r) * groups + g) * kGroup, g, row + r, room);
      }
    }
  }
}

// Calls f(tag, row) for all rows of a block, as many at a time as the tag has lanes.
template <class F>
HWY_INLINE void for_rows(int rows, F f) {
  const hn::CappedTag<float, 4> few;
  const hn::CappedTag<float, 1> one;
  int row = 0;
  for (; row + kLanes <= rows; row += kLanes) f(FloatTag(), row);
  for (; row + static_cast<int>(hn::Lanes(few)) <= rows; row += static_cast<int>(hn::Lanes(few))) {
    f(few, row);
  }
  for (; row < rows; ++row) f(one, row);
}

void round_block(const float* HWY_RESTRICT x, std::int64_t groups, const RoomOfBlock& room) {
  const std::int64_t width = groups * kGroup;
  if (room.wide) {
    for_rows(room.stride, [&](auto d, int row) HWY_ATTR {
      for (std::int64_t g = 0; g < groups; ++g) {
        round_wide(d, x + row * width + g * kGroup, width, g, row, room);
      }
    });
  } else {
    for (int row = 0; row < room.rows; ++row) round_narrow(x + row * width, groups, row, room);
  }
  for_rows(room.stride, [&](auto d, int row) HWY_ATTR { add_remainders(d, x, groups, row, room); });
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(round_block);

}  // namespace

void RoundedRows::round(const float* x, std::int64_t rows, std::int64_t width, Wide wide,
                        const MakeRows& make) {
  rows_ = rows, width_ = width;
  lay_out(wide);
  parallel_for(static_cast<std::int64_t>(blocks_.size()), 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t b = begin; b < end; ++b) {
                   const Block& block = blocks_[static_cast<std::size_t>(b)];
                   if (make) make(block.first_row, block.first_row + block.rows);
                   round_block(x, static_cast<std::size_t>(b));
                 }
               });
}

namespace {

// Where what belongs to so many groups of rows lies in one memory, in words of 32 bits: levels
// first, and whole cache lines for each part.
struct PartsOfMemory {
  explicit PartsOfMemory(std::int64_t groups)
      : scales(lines(groups * RoundedRows::kGroup / 4)),
        negative_sums(scales + lines(groups)),
        sums(negative_sums + lines(3 * groups)),
        words(sums + lines(groups)) {}

  std::int64_t scales, negative_sums, sums, words;

 private:
  static std::int64_t lines(std::int64_t count) { return (count + 15) / 16 * 16; }
};

// The most, unless what is left then is too little for a wide block and two smaller ones hold all.
int rows_of_wide_block(std::int64_t left, RoundedRows::Wide wide) {
  const int most = wide.vectors * wide.lanes, less = std::max(wide.vectors - 1, 2) * wide.lanes;
  if (left > most) return left <= 2 * less ? less : most;
  return left <= less ? less : most;
}

}  // namespace

// Cuts the rows in blocks and makes room for what they will hold.
void RoundedRows::lay_out(Wide wide) {
  const auto add = [&](bool is_wide, std::int64_t count, int stride, std::int64_t first) {
    blocks_.push_back(
        {is_wide, static_cast<int>(count), stride, first, nullptr, nullptr, nullptr, nullptr, {}});
  };
  blocks_.clear();
  std::int64_t first = 0;
  while (rows_ - first > wide.lanes) {
    const int rows = rows_of_wide_block(rows_ - first, wide);
    add(true, std::min<std::int64_t>(rows, rows_ - first), rows, first);
    first += rows;
  }
  const std::int64_t stored = std::max(rows_, first);
  while (first < rows_) {
    const auto power = std::bit_floor(static_cast<std::uint64_t>(rows_ - first));
    const int count = static_cast<int>(std::min<std::uint64_t>(power, kMostNarrow));
    add(false, count, count, first);
    first += count;
  }
  remainders_.resize(blocks_.size());
  for (std::vector<Remainder>& of_block : remainders_) of_block.clear();
  stored_ = stored;
  const std::int64_t words = PartsOfMemory(stored_ * groups()).words;
  if (!memory_.defined() || memory_.count() < words) memory_ = Tensor::empty({words}, DType::i32);
}

void RoundedRows::round_block(const float* x, std::size_t index) {
  Block& block = blocks_[index];
  const PartsOfMemory parts(stored_ * groups());
  const std::int64_t before = block.first_row * groups();
  auto* const memory = memory_.data<std::int32_t>();
  auto* const levels = reinterpret_cast<std::int8_t*>(memory) + before * kGroup;
  auto* const scales = reinterpret_cast<float*>(memory + parts.scales) + before;
  auto* const negative_sums = memory + parts.negative_sums + 3 * before;
  auto* const sums = reinterpret_cast<float*>(memory + parts.sums) + before;
  HWY_DYNAMIC_DISPATCH(round_block)
  (x + block.first_row * width_, groups(),
   {.wide = block.wide,
    .rows = block.rows,
    .stride = block.stride,
    .levels = levels,
    .scales = scales,
    .negative_sums = negative_sums,
    .sums = sums,
    .remainders = &remainders_[index]});
  block.levels = levels, block.scales = scales;
  block.negative_sums = negative_sums, block.sums = sums;
  block.remainders = remainders_[index];
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
