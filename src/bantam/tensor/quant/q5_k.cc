#include "bantam/tensor/quant/q5_k.h"

#include "bantam/tensor/quant/affine_fit.h"

namespace bantam {

void encode(const float* x, Q5_KBlock& block) {
  constexpr AffineSearch kSearch{
      .count = 32, .top = 31, .first = -0.5f, .steps = 15, .absolute = false};
  block = {};
  std::uint8_t levels[256];
  encode_affine_groups(kSearch, x, block, levels);
  for (int i = 0; i < 128; ++i) {
    const std::uint8_t* pair = levels + i / 32 * 64 + i % 32;
    block.levels[i] = static_cast<std::uint8_t>((pair[0] & 15) | ((pair[32] & 15) << 4));
  }
  for (int i = 0; i < 256; ++i) {
    block.fifth_bits[i % 32] |= static_cast<std::uint8_t>((levels[i] >> 4) << (i / 32));
  }
}

}  // namespace bantam
