// Layer normalization (arXiv:1607.06450, eq. 4).
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam {

/// x [.., D], weight [D], bias [D] or undefined -> (x - mean) / sqrt(variance + epsilon) * weight +
/// bias, mean and variance over the last axis (the variance of the D values, not an estimate from a
/// sample).
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float epsilon);
Tensor layer_norm_composed(const Tensor& x, const Tensor& weight, const Tensor& bias,
                           float epsilon);

}  // namespace bantam
