// Products of long runs of rows with quantized weights by AMX: both factors are rounded to bf16,
// sums are f32. Where rounding x to 8 bits leaves half a percent of it, this leaves a sixth, and a
// weight a sixth of a percent; no group of 32 needs a scale, so that products take less than half
// of the time.
#pragma once

#include <span>

#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// outs[i] [T, N] = x [T, K] weights[i]ᵀ, for weights that multiplies_interleaved() names on a CPU
/// that has_amx(). A row has the same bits however many there are and whichever thread computes it.
void amx_products(const Tensor& x, std::span<const Tensor> weights, std::span<Tensor> outs);

}  // namespace bantam::cpu
