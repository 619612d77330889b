// Products for few rows of x: the shape of decoding, bound by the bytes of the weight.
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// out [rows, N] = x [rows, K] weightᵀ, weight [N, K] of any type. Sums run in f32, in an order
/// that does not depend on `rows` or on the number of threads.
void row_dots(const float* x, std::int64_t rows, const Tensor& weight, float* out);

}  // namespace bantam::cpu
