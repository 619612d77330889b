// Root-mean-square normalization (arXiv:1910.07467, eq. 4).
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam {

/// x [.., D], weight [D] -> x / sqrt(mean(x²) + epsilon) * weight.
Tensor rms_norm(const Tensor& x, const Tensor& weight, float epsilon);
Tensor rms_norm_composed(const Tensor& x, const Tensor& weight, float epsilon);

}  // namespace bantam
