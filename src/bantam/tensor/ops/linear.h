// y = x Wᵀ + b for a weight of any type. Over a quantized weight the gradient goes to x only; that
// is all that training an adapter over a quantized model needs.
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam {

/// x [.., K], weight [N, K], bias [N] or undefined -> [.., N]. A weight that wants a gradient must
/// be f32 or f64. Throws Error(input) "linear: x has 576 features but w expects 960 (x [4, 128,
/// 576], w [2304, 960] q4_0)".
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace bantam
