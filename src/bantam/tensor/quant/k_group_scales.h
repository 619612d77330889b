// The scales of Q4_K and Q5_K: eight groups of 32 elements have a 6-bit scale and a 6-bit minimum
// each, packed in 12 bytes.
#pragma once

#include <cstdint>

namespace bantam {

struct GroupScale {
  int scale, minimum;  ///< 0 … 63
};

/// Groups 0 … 3 have their six bits in the low bits of bytes 0 … 3 (scale) and 4 … 7 (minimum);
/// groups 4 … 7 have the low four bits in bytes 8 … 11 and the high two on top of bytes 0 … 7.
template <class Block>
GroupScale group_scale(const Block& block, int group) {
  const std::uint8_t* packed = block.group_scales;
  if (group < 4) return {packed[group] & 63, packed[group + 4] & 63};
  return {(packed[group + 4] & 15) | ((packed[group - 4] >> 6) << 4),
          (packed[group + 4] >> 4) | ((packed[group] >> 6) << 4)};
}

/// Into bytes that are zero at first; groups go in order.
template <class Block>
void pack_group_scale(Block& block, int group, GroupScale scale) {
  std::uint8_t* packed = block.group_scales;
  if (group < 4) {
    packed[group] = static_cast<std::uint8_t>(scale.scale);
    packed[group + 4] = static_cast<std::uint8_t>(scale.minimum);
  } else {
    packed[group + 4] = static_cast<std::uint8_t>((scale.scale & 15) | ((scale.minimum & 15) << 4));
    packed[group - 4] |= static_cast<std::uint8_t>((scale.scale >> 4) << 6);
    packed[group] |= static_cast<std::uint8_t>((scale.minimum >> 4) << 6);
  }
}

}  // namespace bantam
