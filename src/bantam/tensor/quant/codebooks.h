// The codebooks of the IQ formats: a level is not chosen alone, an index names a row of four or
// eight of them. The rows are ggml's; they are the points of a lattice that its author found
// useful, so they can only be listed.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace bantam {

template <int kRows, int kLevels>
using Codebook = std::array<std::array<std::int8_t, kLevels>, kRows>;

extern const Codebook<2048, 8> kIq1Rows;  ///< levels -1, 0, 1; of IQ1_S and IQ1_M
extern const Codebook<256, 8> kIq2XxsRows;
extern const Codebook<512, 8> kIq2XsRows;
extern const Codebook<1024, 8> kIq2SRows;  ///< IQ2: magnitudes 8, 25, 43
extern const Codebook<256, 4> kIq3XxsRows;
extern const Codebook<512, 4> kIq3SRows;  ///< IQ3: magnitudes 1 … 15 (S) and 4 … 62 (XXS)

/// Some formats store seven signs of eight; the number of minus signs is even.
inline std::uint8_t with_eighth_sign(std::uint32_t seven) {
  seven &= 127;
  return static_cast<std::uint8_t>(seven | (std::popcount(seven) & 1) << 7);
}

/// Negates the magnitudes whose bit in `signs` is set.
inline void apply_signs(std::uint8_t signs, std::int8_t* levels) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kDiagonal = 0x8040201008040201;
  std::uint64_t eight;
  std::memcpy(&eight, levels, sizeof eight);
  // Byte j of `negative` is 1 where bit j of `signs` is set; no byte carries into the next, because
  // magnitudes are at least 1.
  const std::uint64_t chosen = (signs * kOnes) & kDiagonal;
  const std::uint64_t negative = ((chosen + 0x7f * kOnes) >> 7) & kOnes;
  eight = (eight ^ (negative * 0xff)) + negative;
  std::memcpy(levels, &eight, sizeof eight);
}

}  // namespace bantam
