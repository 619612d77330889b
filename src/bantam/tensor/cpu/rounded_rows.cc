#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/rounded_rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/rounded_rows.h"

#ifndef BANTAM_TENSOR_CPU_ROUNDED_ROWS_ONCE_
#define BANTAM_TENSOR_CPU_ROUNDED_ROWS_ONCE_
namespace bantam::cpu {

// Where one row of a block goes.
struct RoundedRow {
  int stride;             // rows side by side
  std::int64_t of_group;  // bytes from one group's levels to the next
  std::int64_t of_quad;   // bytes from four levels of a group to the next four
  std::int8_t* levels;
  float* scales;
  float* sums;
  std::int32_t index;  // in the block
  std::vector<RoundedRows::Remainder>* remainders;
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

HWY_INLINE float scale_of_group(const float* HWY_RESTRICT x) {
  const FloatTag d;
  auto largest = hn::Zero(d);
  for (int i = 0; i < kGroup; i += kLanes) largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + i)));
  return hn::GetLane(hn::MaxOfLanes(d, largest)) / 127;
}

// Adds scale * the sum of levels of each half, and of both, to sums[0, stride, 2 stride].
HWY_INLINE void round_group(const float* HWY_RESTRICT x, float scale,
                            std::int8_t* HWY_RESTRICT levels, float* HWY_RESTRICT sums,
                            int stride) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<std::int8_t, FloatTag> d8;
  const auto inverse = hn::Set(d, scale > 0 ? 1 / scale : 0);
  int total = 0;
  for (int half = 0; half < 2; ++half) {
    auto sum = hn::Zero(di);
    for (int i = half * kHalf; i < (half + 1) * kHalf; i += kLanes) {
      const auto level = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), inverse));
      sum = hn::Add(sum, level);
      hn::StoreU(hn::DemoteTo(d8, level), d8, levels + i);
    }
    const int of_half = hn::GetLane(hn::SumOfLanes(di, sum));
    sums[half * stride] += scale * static_cast<float>(of_half);
    total += of_half;
  }
  sums[2 * stride] += scale * static_cast<float>(total);
}

// What rounding left of a group.
HWY_INLINE void subtract_rounded(const float* HWY_RESTRICT x, float scale,
                                 const std::int8_t* HWY_RESTRICT levels, float* HWY_RESTRICT out) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<std::int8_t, FloatTag> d8;
  for (int i = 0; i < kGroup; i += kLanes) {
    const auto level = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, levels + i)));
    hn::StoreU(hn::NegMulAdd(hn::Set(d, scale), level, hn::LoadU(d, x + i)), d, out + i);
  }
}

void round_row(const float* HWY_RESTRICT x, std::int64_t groups, const RoundedRow& row) {
  const int stride = row.stride;
  float squares = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const float scale = scale_of_group(x + g * kGroup);
    row.scales[g * stride] = scale;
    squares += scale * scale;
    float* sums = row.sums + g * 3 * stride;
    for (int i = 0; i < 3; ++i) sums[i * stride] = 0;
    std::int8_t levels[kGroup];
    round_group(x + g * kGroup, scale, levels, sums, stride);
    std::int8_t* to = row.levels + g * row.of_group;
    for (int i = 0; i < kGroup; i += 4) std::memcpy(to + i / 4 * row.of_quad, levels + i, 4);
  }
  const float limit = RoundedRows::kOutlier * squares / static_cast<float>(groups);
  for (std::int64_t g = 0; g < groups; ++g) {
    const float scale = row.scales[g * stride];
    if (!(scale * scale > limit)) continue;
    std::int8_t levels[kGroup];
    const std::int8_t* from = row.levels + g * row.of_group;
    for (int i = 0; i < kGroup; i += 4) std::memcpy(levels + i, from + i / 4 * row.of_quad, 4);
    float rest[kGroup];
    subtract_rounded(x + g * kGroup, scale, levels, rest);
    RoundedRows::Remainder& remainder = row.remainders->emplace_back();
    remainder.row = row.index;
    remainder.group = static_cast<std::int32_t>(g);
    remainder.scale = scale_of_group(rest);
    round_group(rest, remainder.scale, remainder.levels, row.sums + g * 3 * stride, stride);
  }
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(round_row);

}  // namespace

RoundedRows::RoundedRows(const float* x, std::int64_t rows, std::int64_t width, Wide wide)
    : rows_(rows), width_(width) {
  lay_out(wide);
  parallel_for(static_cast<std::int64_t>(blocks_.size()), 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t b = begin; b < end; ++b) {
                   round_block(x, static_cast<std::size_t>(b));
                 }
               });
}

namespace {

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
        {is_wide, static_cast<int>(count), stride, first, nullptr, nullptr, nullptr, {}});
  };
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
  levels_ = Tensor::empty({stored * width_ / 4}, DType::i32);
  scales_ = Tensor::empty({stored * groups()});
  sums_ = Tensor::empty({3 * stored * groups()});
}

void RoundedRows::round_block(const float* x, std::size_t index) {
  Block& block = blocks_[index];
  auto* levels =
      reinterpret_cast<std::int8_t*>(levels_.data<std::int32_t>()) + block.first_row * width_;
  float* scales = scales_.data<float>() + block.first_row * groups();
  float* sums = sums_.data<float>() + 3 * block.first_row * groups();
  if (block.rows < block.stride) {  // rows that only fill up
    std::fill_n(levels, block.stride * width_, std::int8_t{0});
    std::fill_n(scales, block.stride * groups(), 0.0f);
    std::fill_n(sums, 3 * block.stride * groups(), 0.0f);
  }
  for (int row = 0; row < block.rows; ++row) {
    HWY_DYNAMIC_DISPATCH(round_row)
    (x + (block.first_row + row) * width_, groups(),
     {.stride = block.stride,
      .of_group = block.stride * kGroup,
      .of_quad = block.wide ? 4 * block.stride : 4,
      .levels = levels + row * (block.wide ? 4 : kGroup),
      .scales = scales + row,
      .sums = sums + row,
      .index = row,
      .remainders = &remainders_[index]});
  }
  block.levels = levels, block.scales = scales, block.sums = sums;
  block.remainders = remainders_[index];
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
