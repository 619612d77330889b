// The two orders of the rows that rotary positions turn: a feature and its partner half a head
// apart, or side by side.
#pragma once

#include <cstdint>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// Rows of a query or key weight [heads * E, K] of any type, from two halves a head (HF) to
/// interleaved pairs (GGUF's llama) or back.
Tensor interleave_rotation(const Tensor& weight, std::int64_t heads);
Tensor deinterleave_rotation(const Tensor& weight, std::int64_t heads);

}  // namespace bantam
