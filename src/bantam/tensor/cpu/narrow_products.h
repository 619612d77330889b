// Products of which one side is as narrow as the rank of an adapter.
#pragma once

#include <cstdint>

#include "bantam/tensor/cpu/gemm.h"

namespace bantam::cpu {

/// c = a b, or c += a b when `accumulate`, like gemm_f32, where one extent is at most 16 and
/// general kernels are slow; false, and nothing done, for any other product.
bool multiply_narrow(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b,
                     float* c, std::int64_t c_stride, bool accumulate);

}  // namespace bantam::cpu
