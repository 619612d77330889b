// Between f32 and the block formats of GGUF.
//
// Decoding is bit-equal to ggml's scalar code (dequantize_row_*), NaNs aside, whose payload is not
// kept. Encoding of finite values is bit-equal to ggml's reference code without an importance
// matrix (quantize_row_*_ref) for every type that can be encoded: q4_0, q4_1, q5_0, q5_1, q8_0,
// q2_k, q3_k, q4_k, q5_k, q6_k, and iq4_nl but for the levels of blocks of zeros, which ggml leaves
// uninitialized and which are zero here.
#pragma once

#include <cstdint>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// x [.., K] f32, K a multiple of the block (Error(input) names both otherwise) -> the same shape
/// in `dtype`. Any float type works as target too; Error(usage) lists the targets when `dtype` is
/// none.
Tensor quantize(const Tensor& x, DType dtype);
/// Any type -> f32.
Tensor dequantize(const Tensor& x);
/// `count` elements (a multiple of the block) starting at `blocks`; threads may call this side by
/// side.
void dequantize_row(DType dtype, const std::byte* blocks, std::int64_t count, float* out);
void quantize_row(DType dtype, const float* values, std::int64_t count, std::byte* blocks);
/// False for types that are only read.
bool can_quantize_to(DType dtype);
/// Throws Error(usage) listing the types that can be made.
void require_quantizable_to(DType dtype);
/// Index of the first block with a scale that is NaN or infinite, or -1 (G17). Integers have none.
std::int64_t first_bad_block(DType dtype, const std::byte* blocks, std::int64_t count);

}  // namespace bantam
