#include "bantam/tensor/quant/affine_fit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "bantam/tensor/quant/k_group_scales.h"
#include "bantam/tensor/quant/level.h"
#include "bantam/tensor/quant/q4_k.h"
#include "bantam/tensor/quant/q5_k.h"

namespace bantam {
namespace {

constexpr int kMaxCount = 32;

// Levels for one candidate, and sums over the group for the scale and offset that minimize the
// weighted squared error with these levels (two normal equations).
class Candidate {
 public:
  Candidate(const AffineSearch& search, const float* x, const float* weights, float least,
            float inverse_scale)
      : search_(search), x_(x), weights_(weights) {
    for (int i = 0; i < search.count; ++i) {
      const int nearest = nearest_integer(inverse_scale * (x[i] - least));
      const auto level = static_cast<float>(std::clamp(nearest, 0, search.top));
      levels[i] = level;
      sum_level_ += weights[i] * level;
      sum_level2_ += weights[i] * level * level;
      sum_x_level_ += weights[i] * level * x[i];
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

  float error() const {
    float sum = 0;
    for (int i = 0; i < search_.count; ++i) {
      const float difference = scale * levels[i] + offset - x_[i];
      sum += weights_[i] * (search_.absolute ? std::fabs(difference) : difference * difference);
    }
    return sum;
  }

  float scale = 0, offset = 0;
  std::array<float, kMaxCount> levels;

 private:
  const AffineSearch& search_;
  const float* x_;
  const float* weights_;
  float sum_level_ = 0, sum_level2_ = 0, sum_x_level_ = 0;
};

// Magnitudes, raised by the root mean square so that no element counts for nothing.
void weigh_by_magnitude(const float* x, int count, float* weights) {
  float sum_square = 0;
  for (int i = 0; i < count; ++i) sum_square += x[i] * x[i];
  const float typical = std::sqrt(sum_square / static_cast<float>(count));
  for (int i = 0; i < count; ++i) weights[i] = typical + std::fabs(x[i]);
}

// ggml clamps from above only, after a conversion that wraps below zero.
int six_bits(float value) {
  return std::min<int>(63, static_cast<std::uint8_t>(nearest_integer(value)));
}

}  // namespace

AffineFit fit_affine(const AffineSearch& search, const float* x, const float* weights,
                     std::uint8_t* levels) {
  float least = x[0], greatest = x[0], sum_weight = weights[0], sum_x = weights[0] * x[0];
  for (int i = 1; i < search.count; ++i) {
    if (x[i] < least) least = x[i];
    if (x[i] > greatest) greatest = x[i];
    sum_weight += weights[i];
    sum_x += weights[i] * x[i];
  }
  if (least > 0) least = 0;
  std::fill_n(levels, search.count, std::uint8_t{0});
  if (greatest == least) return {0, -least};

  const auto top = static_cast<float>(search.top);
  const float range = greatest - least;
  AffineFit best;
  float best_error = 0;
  const auto take = [&](const Candidate& candidate, float error) {
    best = {candidate.scale, -candidate.offset};
    best_error = error;
    for (int i = 0; i < search.count; ++i) {
      levels[i] = static_cast<std::uint8_t>(candidate.levels[i]);
    }
  };
  // The first candidate spans the range as it is; the others must beat it.
  Candidate plain(search, x, weights, least, top / range);
  plain.scale = 1 / (top / range);
  plain.offset = least;
  take(plain, plain.error());
  for (int step = 0; step <= search.steps; ++step) {
    const float stretched = search.first + 0.1f * static_cast<float>(step) + top;
    // Levels of later candidates are counted from the offset of the best one so far.
    Candidate candidate(search, x, weights, -best.minimum, stretched / (greatest - -best.minimum));
    if (!candidate.solve(sum_weight, sum_x)) continue;
    const float error = candidate.error();
    if (error < best_error) take(candidate, error);
  }
  return best;
}

template <class Block>
void encode_affine_groups(const AffineSearch& search, const float* x, Block& block,
                          std::uint8_t* levels) {
  std::array<AffineFit, 8> fits;
  std::array<float, kMaxCount> weights;
  float top_scale = 0, top_minimum = 0;
  for (int group = 0; group < 8; ++group) {
    const float* of_group = x + group * search.count;
    weigh_by_magnitude(of_group, search.count, weights.data());
    fits[group] = fit_affine(search, of_group, weights.data(), levels + group * search.count);
    top_scale = std::max(top_scale, fits[group].scale);
    top_minimum = std::max(top_minimum, fits[group].minimum);
  }
  const float inverse_scale = top_scale > 0 ? 63.0f / top_scale : 0.0f;
  const float inverse_minimum = top_minimum > 0 ? 63.0f / top_minimum : 0.0f;
  for (int group = 0; group < 8; ++group) {
    pack_group_scale(block, group,
                     {six_bits(inverse_scale * fits[group].scale),
                      six_bits(inverse_minimum * fits[group].minimum)});
  }
  block.scale = float_to_f16(top_scale / 63);
  block.minimum = float_to_f16(top_minimum / 63);

  for (int group = 0; group < 8; ++group) {
    const GroupScale packed = group_scale(block, group);
    const float scale = f16_to_float(block.scale) * static_cast<float>(packed.scale);
    const float minimum = f16_to_float(block.minimum) * static_cast<float>(packed.minimum);
    if (scale == 0) continue;  // the levels of the search stay; they decode to the minimum
    for (int i = group * search.count; i < (group + 1) * search.count; ++i) {
      const int nearest = nearest_integer((x[i] + minimum) / scale);
      levels[i] = static_cast<std::uint8_t>(std::clamp(nearest, 0, search.top));
    }
  }
}

template void encode_affine_groups(const AffineSearch&, const float*, Q4_KBlock&, std::uint8_t*);
template void encode_affine_groups(const AffineSearch&, const float*, Q5_KBlock&, std::uint8_t*);

}  // namespace bantam
