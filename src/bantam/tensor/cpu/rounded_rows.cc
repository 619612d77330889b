#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/rounded_rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <bit>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/rounded_rows.h"

#ifndef BANTAM_TENSOR_CPU_ROUNDED_ROWS_ONCE_
#define BANTAM_TENSOR_CPU_ROUNDED_ROWS_ONCE_
namespace bantam::cpu {

// Where one row of a block goes; `stride` rows lie side by side.
struct RoundedRow {
  int stride;
  std::int8_t* levels[2];
  float* scales[2];
  float* sums;
  std::uint64_t* remainders;
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
    row.scales[0][g * stride] = scale;
    squares += scale * scale;
    round_group(x + g * kGroup, scale, row.levels[0] + g * stride * kGroup,
                row.sums + g * 3 * stride, stride);
  }
  const float limit = RoundedRows::kOutlier * squares / static_cast<float>(groups);
  for (std::int64_t g = 0; g < groups; ++g) {
    const float scale = row.scales[0][g * stride];
    if (!(scale * scale > limit)) continue;
    float rest[kGroup];
    subtract_rounded(x + g * kGroup, scale, row.levels[0] + g * stride * kGroup, rest);
    const float rest_scale = scale_of_group(rest);
    row.scales[1][g * stride] = rest_scale;
    round_group(rest, rest_scale, row.levels[1] + g * stride * kGroup, row.sums + g * 3 * stride,
                stride);
    row.remainders[g / 64] |= std::uint64_t{1} << (g % 64);
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

// Whole blocks first; what remains goes in powers of two.
RoundedRows::RoundedRows(const float* x, std::int64_t rows, std::int64_t width)
    : rows_(rows),
      width_(width),
      blocks_(rows / kMostRows + std::popcount(static_cast<std::uint64_t>(rows % kMostRows))),
      sums_(static_cast<std::size_t>(3 * rows * groups())),
      remainders_(static_cast<std::size_t>(blocks_ * words())) {
  for (int term = 0; term < 2; ++term) {
    levels_[term].resize(static_cast<std::size_t>(rows * width));
    scales_[term].resize(static_cast<std::size_t>(rows * groups()));
  }
  parallel_for(blocks_, 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const Block block = this->block(index);
      const std::int64_t elements = block.first_row * width_, scales = block.first_row * groups();
      for (int row = 0; row < block.rows; ++row) {
        HWY_DYNAMIC_DISPATCH(round_row)
        (x + elements + row * width_, this->groups(),
         {block.rows,
          {levels_[0].data() + elements + row * kGroup,
           levels_[1].data() + elements + row * kGroup},
          {scales_[0].data() + scales + row, scales_[1].data() + scales + row},
          sums_.data() + 3 * scales + row,
          remainders_.data() + index * this->words()});
      }
    }
  });
}

RoundedRows::Block RoundedRows::block(std::int64_t index) const {
  std::int64_t first = std::min(index, rows_ / kMostRows) * kMostRows;
  int rows = kMostRows;
  for (std::int64_t left = index - rows_ / kMostRows; left >= 0; --left) {
    rows = static_cast<int>(std::bit_floor(static_cast<std::uint64_t>(rows_ - first)));
    if (left > 0) first += rows;
  }
  const std::int64_t scales = first * groups();
  return {rows,
          first,
          {levels_[0].data() + first * width_, levels_[1].data() + first * width_},
          {scales_[0].data() + scales, scales_[1].data() + scales},
          sums_.data() + 3 * scales,
          remainders_.data() + index * words()};
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
