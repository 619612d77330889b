// Matrix products on raw row-major memory, for kernels that keep panels of their own.
#pragma once

#include <cstdint>

#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// A matrix in memory: `stride` elements from row to row as stored; `transposed` means that the
/// product takes its transpose.
struct MatrixView {
  const float* data;
  std::int64_t stride;
  bool transposed = false;
};

/// c [m, n] (rows `c_stride` apart) = a [m, k] b [k, n], or c += a b when `accumulate`. f32, on all
/// threads; how the product is cut does not depend on their number, so neither does a bit of c.
void gemm_f32(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
              std::int64_t c_stride, bool accumulate);

/// Neighbors along k that share a scale. Twice as many take fewer scales, a tenth of the time less,
/// and leave half a bit less for each.
enum class I16Group { exact = 64, fast = 128 };
/// The same in integers of 16 bits with a scale for each row of a and column of b in each block of
/// k (gemm_integers.cc). A value is off by at most 0.5 / 46,330 of the length of its group, as a
/// vector. What is not finite makes its row or column NaN.
void gemm_i16(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
              std::int64_t c_stride, bool accumulate, I16Group group);

/// How gemm_i8 rounds on this CPU.
struct I8Rounding {
  int largest_level = 0;   ///< 127 with VNNI, 63 with AVX2 alone
  std::int64_t group = 0;  ///< neighbors along k that share a scale: 64, or 32 with AVX2 alone
};
I8Rounding i8_rounding();
/// The same in integers of 8 bits: a value is off by at most 0.5 / largest_level of the largest of
/// its group.
void gemm_i8(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
             std::int64_t c_stride, bool accumulate);

/// True where rounding and packing both factors costs less than it saves.
bool packing_pays(std::int64_t m, std::int64_t n, std::int64_t k);

/// gemm_i16 (in exact groups if it was asked for by name), gemm_i8 or gemm_amx where `precision`
/// says so and the product is large enough, else gemm_f32.
void multiply(MatmulPrecision precision, std::int64_t m, std::int64_t n, std::int64_t k,
              MatrixView a, MatrixView b, float* c, std::int64_t c_stride, bool accumulate);

struct Bf16View {
  const std::uint16_t* data;
  std::int64_t stride;
  bool transposed = false;
};
/// The same with bf16 factors and f32 sums, by oneDNN's kernels for AVX512-BF16; see amx_gemm.h for
/// CPUs with AMX.
void gemm_bf16(std::int64_t m, std::int64_t n, std::int64_t k, Bf16View a, Bf16View b, float* c,
               std::int64_t c_stride, bool accumulate);

/// The same in f64, contiguous, no transposition.
void gemm_f64(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, const double* b,
              double* c, bool accumulate = false);

/// Rounds to bf16 on all threads.
void round_to_bf16(const float* values, std::int64_t count, std::uint16_t* out);

}  // namespace bantam::cpu
