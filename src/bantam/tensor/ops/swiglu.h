// SwiGLU's gate (arXiv:2002.05202): silu(gate) * up.
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam {

Tensor swiglu(const Tensor& gate, const Tensor& up);
Tensor swiglu_composed(const Tensor& gate, const Tensor& up);

}  // namespace bantam
