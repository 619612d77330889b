// Between f32 and the block formats of GGUF. Decoding is bit-equal to ggml's scalar code; so is
// encoding of q8_0, q4_0, q4_1, q5_0 and q5_1.
#pragma once

#include <cstdint>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// x [.., K] f32, K a multiple of the block (Error(input) names both otherwise) -> the same shape
/// in `dtype`. Any float type works as target too.
Tensor quantize(const Tensor& x, DType dtype);
/// Any type -> f32.
Tensor dequantize(const Tensor& x);
/// `count` elements (a multiple of the block) starting at `blocks`; threads may call this side by
/// side.
void dequantize_row(DType dtype, const std::byte* blocks, std::int64_t count, float* out);
void quantize_row(DType dtype, const float* values, std::int64_t count, std::byte* blocks);
/// Index of the first block with a scale that is NaN or infinite, or -1 (G17).
std::int64_t first_bad_block(DType dtype, const std::byte* blocks, std::int64_t count);

}  // namespace bantam
