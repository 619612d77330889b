#include "bantam/tensor/quant/q4_k.h"

#include "bantam/tensor/quant/affine_fit.h"

namespace bantam {

void encode(const float* x, Q4_KBlock& block) {
  constexpr AffineSearch kSearch{
      .count = 32, .top = 15, .first = -1.0f, .steps = 20, .absolute = false};
  block = {};
  std::uint8_t levels[256];
  encode_affine_groups(kSearch, x, block, levels);
  for (int i = 0; i < 128; ++i) {
    const std::uint8_t* pair = levels + i / 32 * 64 + i % 32;
    block.levels[i] = static_cast<std::uint8_t>(pair[0] | (pair[32] << 4));
  }
}

}  // namespace bantam
