// Softmax and its logarithm over the last axis. A row of only -inf gives zeros (softmax) and no
// NaN.
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam {

Tensor softmax(const Tensor& x);
Tensor softmax_composed(const Tensor& x);
Tensor log_softmax(const Tensor& x);

}  // namespace bantam
