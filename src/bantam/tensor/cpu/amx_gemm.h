// Products of matrices of floats by AMX, both rounded to bf16.
#pragma once

#include <cstdint>

#include "bantam/tensor/cpu/gemm.h"

namespace bantam::cpu {

/// gemm_f32 with bf16 factors and f32 sums, on a CPU that has_amx(). Rounding and packing are
/// included: factors are read once.
void gemm_amx(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
              std::int64_t c_stride, bool accumulate);

}  // namespace bantam::cpu
