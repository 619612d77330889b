// Matrix products by oneDNN (f32; bf16 products with f32 sums where the CPU has the instructions
// and matmul_precision() allows) or by plain loops in f64.
#pragma once

#include "bantam/tensor/tensor.h"

namespace bantam {

/// a [m, k] x b [k, n] -> [m, n]; or with equal leading axes, [.., m, k] x [.., k, n] -> [.., m,
/// n].
Tensor matmul(const Tensor& a, const Tensor& b);

/// The type in which large products are formed. `automatic` is bf16 where the CPU is fast at it,
/// else f32; and integers for forward products with quantized weights (RoundActivations in linear.h).
enum class MatmulPrecision { automatic, f32, bf16 };
/// Throws Error(usage) for bf16 where cpu_multiplies_bf16() is false.
void set_matmul_precision(MatmulPrecision precision);
MatmulPrecision matmul_precision();  ///< never `automatic`: what is in force
bool matmul_precision_is_automatic();
/// True when this CPU multiplies bf16 faster than f32 (AVX512-BF16 or AMX).
bool cpu_multiplies_bf16();

}  // namespace bantam
