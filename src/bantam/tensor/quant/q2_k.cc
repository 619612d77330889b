#include "bantam/tensor/quant/q2_k.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "bantam/tensor/quant/affine_fit.h"

namespace bantam {

void pack_pairs(const std::uint8_t* levels, std::uint8_t* pairs) {
  std::fill_n(pairs, 64, std::uint8_t{0});
  for (int i = 0; i < 256; ++i) {
    pairs[i / 128 * 32 + i % 32] |= static_cast<std::uint8_t>(levels[i] << (i % 128 / 32 * 2));
  }
}

void encode(const float* x, Q2_KBlock& block) {
  constexpr AffineSearch kSearch{
      .count = 16, .top = 3, .first = -0.5f, .steps = 15, .absolute = true};
  block = {};
  std::uint8_t levels[256];
  std::array<AffineFit, 16> fits;
  float top_scale = 0, top_minimum = 0;
  for (int group = 0; group < 16; ++group) {
    const float* of_group = x + group * 16;
    float weights[16];
    std::transform(of_group, of_group + 16, weights, [](float value) { return std::fabs(value); });
    fits[group] = fit_affine(kSearch, of_group, weights, levels + group * 16);
    top_scale = std::max(top_scale, fits[group].scale);
    top_minimum = std::max(top_minimum, fits[group].minimum);
  }
  const float inverse_scale = top_scale > 0 ? 15.0f / top_scale : 0.0f;
  const float inverse_minimum = top_minimum > 0 ? 15.0f / top_minimum : 0.0f;
  block.scale = float_to_f16(top_scale / 15);
  block.minimum = float_to_f16(top_minimum / 15);
  for (int group = 0; group < 16; ++group) {
    const int scale_level = nearest_integer(inverse_scale * fits[group].scale);
    const int minimum_level = nearest_integer(inverse_minimum * fits[group].minimum);
    block.group_scales[group] = static_cast<std::uint8_t>(scale_level | (minimum_level << 4));

    // Levels are chosen again, for the scales as they were rounded.
    const float scale =
        f16_to_float(block.scale) * static_cast<float>(block.group_scales[group] & 15);
    const float minimum =
        f16_to_float(block.minimum) * static_cast<float>(block.group_scales[group] >> 4);
    if (scale == 0) continue;
    for (int i = group * 16; i < (group + 1) * 16; ++i) {
      const int nearest = nearest_integer((x[i] + minimum) / scale);
      levels[i] = static_cast<std::uint8_t>(std::clamp(nearest, 0, kSearch.top));
    }
  }
  pack_pairs(levels, block.levels);
}

}  // namespace bantam
