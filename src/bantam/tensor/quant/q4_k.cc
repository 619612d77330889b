#include "bantam/tensor/quant/q4_k.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bantam {
namespace {

constexpr int kGroup = 32;
constexpr int kTop = 15;

struct GroupFit {
  float scale = 0, minimum = 0;  ///< x is about scale * level - minimum
};

// Sums over one group for a candidate choice of levels, and the scale and offset that minimize the
// weighted squared error for these levels (two normal equations).
class Candidate {
 public:
  Candidate(const float* x, const float* weights, float least, float inverse_scale) {
    for (int i = 0; i < kGroup; ++i) {
      const int level = std::clamp(nearest_integer(inverse_scale * (x[i] - least)), 0, kTop);
      levels_[i] = static_cast<float>(level);
      sum_level_ += weights[i] * levels_[i];
      sum_level2_ += weights[i] * levels_[i] * levels_[i];
      sum_x_level_ += weights[i] * levels_[i] * x[i];
    }
  }

  bool solve(float sum_weight, float sum_x) {
    const float determinant = sum_weight * sum_level2_ - sum_level_ * sum_level_;
    if (!(determinant > 0)) return false;
    scale = (sum_weight * sum_x_level_ - sum_x * sum_level_) / determinant;
    offset = (sum_level2_ * sum_x - sum_level_ * sum_x_level_) / determinant;
    if (offset > 0) {  // only offsets below zero can be stored
      offset = 0;
      scale = sum_x_level_ / sum_level2_;
    }
    return true;
  }

  float error(const float* x, const float* weights) const {
    float sum = 0;
    for (int i = 0; i < kGroup; ++i) {
      const float difference = scale * levels_[i] + offset - x[i];
      sum += weights[i] * difference * difference;
    }
    return sum;
  }

  float scale = 0, offset = 0;

 private:
  std::array<float, kGroup> levels_;
  float sum_level_ = 0, sum_level2_ = 0, sum_x_level_ = 0;
};

GroupFit fit_group(const float* x) {
  std::array<float, kGroup> weights;
  float sum_square = 0;
  for (int i = 0; i < kGroup; ++i) sum_square += x[i] * x[i];
  const float typical = std::sqrt(sum_square / kGroup);
  float sum_weight = 0, sum_x = 0;
  for (int i = 0; i < kGroup; ++i) {
    weights[i] = typical + std::fabs(x[i]);
    sum_weight += weights[i];
    sum_x += weights[i] * x[i];
  }
  const auto [low, greatest] = std::minmax_element(x, x + kGroup);
  const float least = std::min(*low, 0.0f);
  if (!(*greatest > least)) return {0, -least};

  const float range = *greatest - least;
  Candidate plain(x, weights.data(), least, kTop / range);
  plain.scale = range / kTop;
  plain.offset = least;
  GroupFit best{plain.scale, -plain.offset};
  float best_error = plain.error(x, weights.data());
  for (int step = 0; step <= 20; ++step) {
    const float inverse_scale = (-1.0f + 0.1f * static_cast<float>(step) + kTop) / range;
    Candidate candidate(x, weights.data(), least, inverse_scale);
    if (!candidate.solve(sum_weight, sum_x)) continue;
    const float error = candidate.error(x, weights.data());
    if (error < best_error) {
      best_error = error;
      best = {candidate.scale, -candidate.offset};
    }
  }
  return best;
}

void pack_group(Q4_KBlock& block, int group, int scale, int minimum) {
  std::uint8_t* packed = block.group_scales;
  if (group < 4) {
    packed[group] = static_cast<std::uint8_t>(scale);
    packed[group + 4] = static_cast<std::uint8_t>(minimum);
  } else {
    packed[group + 4] = static_cast<std::uint8_t>((scale & 15) | ((minimum & 15) << 4));
    packed[group - 4] |= static_cast<std::uint8_t>((scale >> 4) << 6);
    packed[group] |= static_cast<std::uint8_t>((minimum >> 4) << 6);
  }
}

}  // namespace

void encode(const float* x, Q4_KBlock& block) {
  block = {};
  std::array<GroupFit, 8> fits;
  float top_scale = 0, top_minimum = 0;
  for (int group = 0; group < 8; ++group) {
    fits[group] = fit_group(x + group * kGroup);
    top_scale = std::max(top_scale, fits[group].scale);
    top_minimum = std::max(top_minimum, fits[group].minimum);
  }
  const float inverse_scale = top_scale > 0 ? 63.0f / top_scale : 0.0f;
  const float inverse_minimum = top_minimum > 0 ? 63.0f / top_minimum : 0.0f;
  for (int group = 0; group < 8; ++group) {
    pack_group(block, group, std::clamp(nearest_integer(inverse_scale * fits[group].scale), 0, 63),
               std::clamp(nearest_integer(inverse_minimum * fits[group].minimum), 0, 63));
  }
  block.scale = float_to_f16(top_scale / 63);
  block.minimum = float_to_f16(top_minimum / 63);

  // Levels are chosen again, for the scales as they were rounded.
  for (int group = 0; group < 8; ++group) {
    const GroupScale packed = group_scale(block, group);
    const float scale = f16_to_float(block.scale) * static_cast<float>(packed.scale);
    const float minimum = f16_to_float(block.minimum) * static_cast<float>(packed.minimum);
    if (scale == 0) continue;
    for (int i = 0; i < kGroup; ++i) {
      const float value = (x[group * kGroup + i] + minimum) / scale;
      const int level = std::clamp(nearest_integer(value), 0, kTop);
      block.levels[group / 2 * 32 + i] |=
          static_cast<std::uint8_t>(group % 2 == 0 ? level : level << 4);
    }
  }
}

}  // namespace bantam
