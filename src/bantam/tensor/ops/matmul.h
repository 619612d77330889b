// Matrix products by oneDNN (f32; bf16 products with f32 sums where the CPU has the instructions
// and matmul_precision() allows) or by plain loops in f64.
#pragma once

#include <string_view>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// a [m, k] x b [k, n] -> [m, n]; or with equal leading axes, [.., m, k] x [.., k, n] -> [.., m,
/// n].
Tensor matmul(const Tensor& a, const Tensor& b);

/// The type in which large products are formed: f32; bf16; or i16 and i8, integers that share a
/// scale with their neighbors (cpu/gemm.h). i16 is some ten times as exact as bf16; gradients
/// formed in i8 are about as exact as those of bf16 where the CPU has VNNI, two thirds as exact
/// with AVX2 alone. `automatic` is f32, and where rounding is allowed (RoundActivations in
/// linear.h) what Rounding says for forward products with quantized weights and, for all others,
/// i16 where the CPU can; products that form gradients of linears are then i8. In training
/// (Rounding::training) a CPU with AMX forms all these in bf16. Without AMX an instruction forms as
/// many products of bf16 as of i16, and a CPU with AVX512-BF16 was measured that forms them at half
/// of the speed of f32.
enum class MatmulPrecision { automatic, f32, bf16, i16, i8 };
/// Throws Error(usage) for bf16 where cpu_multiplies_bf16() is false, for i16 where
/// cpu_multiplies_integers() is, and for i8, which is too coarse for a forward pass.
void set_matmul_precision(MatmulPrecision precision);
MatmulPrecision matmul_precision();    ///< never `automatic`: what is in force on this thread
MatmulPrecision gradient_precision();  ///< the same for products that form gradients of linears
/// The same for attention of many queries (ops/attention.h): f32 where it would be bf16 and the CPU
/// has no AMX.
MatmulPrecision attention_precision();
bool matmul_precision_is_automatic();
/// "f32", "bf16", "i16", "i8" or "auto".
std::string_view name_of(MatmulPrecision precision);
bool cpu_multiplies_bf16();  ///< AVX512-BF16 or AMX
bool cpu_has_bf16_tiles();   ///< AMX
/// i16 and i8: AVX2, or AVX-512 with VNNI (Ice Lake, Zen 4); AVX-512 without it gains nothing over
/// f32.
bool cpu_multiplies_integers();

}  // namespace bantam
