// Rotary position embedding (RoPE, arXiv:2104.09864, eq. 34).
#pragma once

#include <span>
#include <vector>

#include "bantam/tensor/backend.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// Angles of T positions: cosine and sine [T, frequencies.size()] of position * frequency, times
/// `magnitude` (1 but for YaRN-like scalings). Positions are i32 [T]; angles are formed in f64.
RopeTable rope_table(const Tensor& positions, std::span<const double> frequencies,
                     double magnitude = 1.0);
/// theta^(-2i/E) for i = 0 … E/2-1.
std::vector<double> rope_frequencies(int head_width, double theta);

/// Rotates feature pairs of x [T, H, E]: pair i is (i, i + E'/2) for E' = 2 * table width, or (2i,
/// 2i+1) when `interleaved`. Features beyond E' pass unchanged.
Tensor rope(const Tensor& x, const RopeTable& table, bool interleaved = false);
Tensor rope_composed(const Tensor& x, const RopeTable& table, bool interleaved);

}  // namespace bantam
