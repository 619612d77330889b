// Softmax of rows in f32, forward and backward.
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// x [.., n] -> the same shape; a row of only -infinity gives zeros.
Tensor softmax(const Tensor& x);
/// y ∘ (dy - Σ y dy) a row.
Tensor softmax_backward(const Tensor& y, const Tensor& dy);

}  // namespace bantam::cpu
