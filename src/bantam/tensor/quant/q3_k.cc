#include "bantam/tensor/quant/q3_k.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bantam {
namespace {

constexpr int kGroup = Q3_KBlock::kGroup;
constexpr int kHalfRange = 4, kRounds = 5;

int level_of(float value) {
  return std::clamp(nearest_integer(value), -kHalfRange, kHalfRange - 1);
}

// For given levels the best scale is sum_x_level / sum_level2, and the weighted squared error falls
// by sum_x_level² / sum_level2.
struct Sums {
  float x_level = 0, level2 = 0;

  void add(float x, int level) {
    const float weight = x * x;
    x_level += weight * x * static_cast<float>(level);
    level2 += weight * static_cast<float>(level) * static_cast<float>(level);
  }
  Sums without(float x, int level) const {
    const float weight = x * x;
    return {x_level - weight * x * static_cast<float>(level),
            level2 - weight * static_cast<float>(level) * static_cast<float>(level)};
  }
  bool beats(const Sums& other) const {
    return level2 > 0 && x_level * x_level * other.level2 > other.x_level * other.x_level * level2;
  }
};

// One round over the group: each level moves to the nearest one for the scale that suits all the
// others, where that helps.
bool improve(const float* x, int* levels, Sums& sums) {
  bool changed = false;
  for (int i = 0; i < kGroup; ++i) {
    Sums moved = sums.without(x[i], levels[i]);
    if (!(moved.x_level > 0)) continue;
    const int level = level_of(x[i] * moved.level2 / moved.x_level);
    if (level == levels[i]) continue;
    moved.add(x[i], level);
    if (!moved.beats(sums)) continue;
    levels[i] = level;
    sums = moved;
    changed = true;
  }
  return changed;
}

// The scale of a group, and its levels 0 … 7.
float fit_group(const float* x, std::uint8_t* levels) {
  const float largest = largest_magnitude(x, kGroup);
  std::fill_n(levels, kGroup, std::uint8_t{0});
  if (!(std::fabs(largest) >= kNothing)) return 0;
  const float inverse = -kHalfRange / largest;
  std::array<int, kGroup> centered;
  Sums sums;
  for (int i = 0; i < kGroup; ++i) {
    centered[i] = level_of(inverse * x[i]);
    sums.add(x[i], centered[i]);
  }
  for (int round = 0; round < kRounds; ++round) {
    if (!improve(x, centered.data(), sums)) break;
  }
  for (int i = 0; i < kGroup; ++i) {
    levels[i] = static_cast<std::uint8_t>(centered[i] + kHalfRange);
  }
  return sums.level2 > 0 ? sums.x_level / sums.level2 : 0;
}

void pack_group_scale(Q3_KBlock& block, int group, int scale) {
  block.group_scales[group % 8] |= static_cast<std::uint8_t>((scale & 15) << (group / 8 * 4));
  block.group_scales[8 + group % 4] |= static_cast<std::uint8_t>((scale >> 4) << (2 * (group / 4)));
}

}  // namespace

void encode(const float* x, Q3_KBlock& block) {
  block = {};
  std::uint8_t levels[256];
  std::array<float, 16> scales;
  float top = 0;
  for (int group = 0; group < 16; ++group) {
    scales[group] = fit_group(x + group * kGroup, levels + group * kGroup);
    if (std::fabs(scales[group]) > std::fabs(top)) top = scales[group];
  }
  const float inverse = top != 0 ? -32.0f / top : 0;
  if (top != 0) block.scale = float_to_f16(1 / inverse);
  for (int group = 0; group < 16 && top != 0; ++group) {
    const int level = std::clamp(nearest_integer(inverse * scales[group]), -32, 31);
    pack_group_scale(block, group, level + 32);
    const float scale = f16_to_float(block.scale) * static_cast<float>(level);
    if (scale == 0) continue;  // the levels of the search stay; they decode to zero
    for (int i = group * kGroup; i < (group + 1) * kGroup; ++i) {
      levels[i] = static_cast<std::uint8_t>(level_of(x[i] / scale) + kHalfRange);
    }
  }
  for (int i = 0; i < 256; ++i) {
    block.third_bits[i % 32] |= static_cast<std::uint8_t>((levels[i] >> 2) << (i / 32));
    levels[i] &= 3;
  }
  pack_pairs(levels, block.low_bits);
}

}  // namespace bantam
