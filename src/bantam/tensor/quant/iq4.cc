#include "bantam/tensor/quant/iq4.h"

#include <algorithm>
#include <cmath>

namespace bantam {
namespace {

// Index of the nearest of the 16 values; the greater one in the middle between two.
int nearest_iq4_level(float value) {
  if (!(value > kIq4Levels.front())) return 0;
  if (value >= kIq4Levels.back()) return 15;
  const auto upper = std::upper_bound(kIq4Levels.begin(), kIq4Levels.end(), value);
  const auto index = static_cast<int>(upper - kIq4Levels.begin());
  const auto above = static_cast<float>(*upper), below = static_cast<float>(*(upper - 1));
  return value - below < above - value ? index - 1 : index;
}

}  // namespace

void encode(const float* x, Iq4_NlBlock& block) {
  block = {};
  const float largest = largest_magnitude(x, Iq4_NlBlock::kElements);
  if (!(std::fabs(largest) >= kNothing)) return;
  const float inverse = 1 / (largest / static_cast<float>(kIq4Levels[0]));
  float sum_x_level = 0, sum_level2 = 0;
  for (int i = 0; i < Iq4_NlBlock::kElements; ++i) {
    const int index = nearest_iq4_level(inverse * x[i]);
    block.levels[i % 16] |= static_cast<std::uint8_t>(index << (i / 16 * 4));
    const auto level = static_cast<float>(kIq4Levels[static_cast<std::size_t>(index)]);
    const float weight = x[i] * x[i];
    sum_x_level += weight * level * x[i];
    sum_level2 += weight * level * level;
  }
  block.scale = float_to_f16(sum_level2 > 0 ? sum_x_level / sum_level2 : 0);
}

}  // namespace bantam
