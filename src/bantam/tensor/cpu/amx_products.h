// Products of long runs of rows with quantized weights by AMX: both factors are rounded to bf16,
// sums are f32. Where rounding x to 8 bits leaves half a percent of it, this leaves a sixth, and a
// weight a sixth of a percent; no group of 32 needs a scale, so that products take less than half
// of the time.
#pragma once

#include <cstdint>
#include <span>

#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/interleaved_weight.h"

namespace bantam::cpu {

/// out [T, N] = x [T, K] weightᵀ of each, on a CPU that has_amx(). A row has the same bits however
/// many there are and whichever thread computes it.
void amx_products(const AmxRows& x, std::span<const InterleavedProduct> products);

/// silu(x gateᵀ) * (x upᵀ), [T, F], as the rows of the next product: rounded from the f32 values
/// that the two products and gate_elements() give.
PackedRows gated_amx_products(const AmxRows& x, const InterleavedWeight& gate,
                              const InterleavedWeight& up);

}  // namespace bantam::cpu
