// The search for the scale and the minimum of a group, which the encoders of Q2_K, Q4_K and Q5_K
// share (make_qkx2_quants of ggml's reference code, to the bit).
#pragma once

#include <cstdint>

namespace bantam {

struct AffineFit {
  float scale = 0, minimum = 0;  ///< x is about scale * level - minimum
};

struct AffineSearch {
  int count;  ///< elements of a group, at most 32
  int top;    ///< levels are 0 … top
  /// Scales (top + first) / range, (top + first + 0.1) / range, ...: `steps` of them after the
  /// first.
  float first;
  int steps;
  bool absolute;  ///< weighs absolute errors, not squared ones
};

/// The best of the candidates, for errors weighted by `weights` [count], and its levels.
AffineFit fit_affine(const AffineSearch& search, const float* x, const float* weights,
                     std::uint8_t* levels);

/// fit_affine() over the eight groups of a Q4_K or Q5_K block and what follows from it: the packed
/// scales, and the levels [256] chosen again for the scales as they were rounded. The block's
/// levels are left to the caller.
template <class Block>
void encode_affine_groups(const AffineSearch& search, const float* x, Block& block,
                          std::uint8_t* levels);

}  // namespace bantam
