// A general kernel holds a tile of c in registers, as wide as vectors are. Of a narrow product it
// would fill half of a vector, or leave a tile after a few additions. Three kinds, for rank r:
//
//   [m, K] x [K, r]   dot products along K: vectors of a few rows of a meet those of b
//   [m, r] x [r, N]   each row of c is a sum of r rows of b: one pass over c
//   [r, T] x [T, N]   what general kernels are good at; [N, T] x [T, r] is that, transposed
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/narrow_products.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/narrow_products.h"

#ifndef BANTAM_TENSOR_CPU_NARROW_PRODUCTS_ONCE_
#define BANTAM_TENSOR_CPU_NARROW_PRODUCTS_ONCE_
namespace bantam::cpu {

// Rows first … last of c [.., n] (+)= a [.., k] b.
struct NarrowJob {
  std::int64_t n, k;
  const float *a, *b;
  std::int64_t a_stride, b_stride;
  float* c;
  std::int64_t c_stride;
  bool accumulate;
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
// As many sums as leave room for what they are made from: of 32 registers, or of 16.
constexpr int kRows = kLanes == 16 ? 6 : 3, kColumns = 4;

// What a sum of products reads: a vector of each of some rows, the first `count` elements of it
// (with zeros after them), or one element in all lanes. (Lambdas instead make GCC 12 give up.)
struct Whole {
  const float* at;
  std::int64_t stride;
  HWY_INLINE Floats operator()(int row) const { return hn::LoadU(FloatTag(), at + row * stride); }
};
struct InPart {
  const float* at;
  std::int64_t stride, count;
  HWY_INLINE Floats operator()(int row) const {
    const FloatTag d;
    return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, at + row * stride);
  }
};
struct Broadcast {
  const float* at;
  std::int64_t stride;
  HWY_INLINE Floats operator()(int row) const { return hn::Set(FloatTag(), at[row * stride]); }
};

// sums += products of each of a with each of b.
template <int kOfA, int kOfB, class OfA, class OfB>
HWY_INLINE void add_products(const OfA& a, const OfB& b, Floats (&sums)[kOfA][kOfB]) {
  Floats of_b[kOfB];
  HWY_UNROLL(4)
  for (int j = 0; j < kOfB; ++j) of_b[j] = b(j);
  HWY_UNROLL(6)
  for (int i = 0; i < kOfA; ++i) {
    const Floats of_a = a(i);
    HWY_UNROLL(4)
    for (int j = 0; j < kOfB; ++j) sums[i][j] = hn::MulAdd(of_a, of_b[j], sums[i][j]);
  }
}

// c [kOfA][kOfB] (+)= rows of a times rows of b.
template <int kOfA, int kOfB>
HWY_INLINE void dot_rows(const NarrowJob& job, const float* HWY_RESTRICT a,
                         const float* HWY_RESTRICT b, float* HWY_RESTRICT c) {
  const FloatTag d;
  const std::int64_t a_stride = job.a_stride, b_stride = job.b_stride, k = job.k;
  Floats sums[kOfA][kOfB];
  HWY_UNROLL(6)
  for (int i = 0; i < kOfA; ++i) {
    HWY_UNROLL(4)
    for (int j = 0; j < kOfB; ++j) sums[i][j] = hn::Zero(d);
  }
  std::int64_t l = 0;
  for (; l + kLanes <= k; l += kLanes) {
    add_products(Whole{a + l, a_stride}, Whole{b + l, b_stride}, sums);
  }
  if (l < k) add_products(InPart{a + l, a_stride, k - l}, InPart{b + l, b_stride, k - l}, sums);
  for (int i = 0; i < kOfA; ++i) {
    for (int j = 0; j < kOfB; ++j) {
      float& to = c[i * job.c_stride + j];
      to = (job.accumulate ? to : 0) + hn::GetLane(hn::SumOfLanes(d, sums[i][j]));
    }
  }
}

// b [n][k]: its rows are vectors along k.
void dot_products(const NarrowJob& job, std::int64_t first, std::int64_t last) {
  for (std::int64_t i = first; i < last; i += kRows) {
    for (std::int64_t j = 0; j < job.n; j += kColumns) {
      const float *a = job.a + i * job.a_stride, *b = job.b + j * job.b_stride;
      float* c = job.c + i * job.c_stride + j;
      if (i + kRows <= last && j + kColumns <= job.n) {
        dot_rows<kRows, kColumns>(job, a, b, c);
        continue;
      }
      for (std::int64_t x = 0; x < std::min<std::int64_t>(kRows, last - i); ++x) {
        for (std::int64_t y = 0; y < std::min<std::int64_t>(kColumns, job.n - j); ++y) {
          dot_rows<1, 1>(job, a + x * job.a_stride, b + y * job.b_stride, c + x * job.c_stride + y);
        }
      }
    }
  }
}

constexpr int kVectors = 2, kSumRows = kLanes == 16 ? 6 : 4;

// Some rows of c, kOfColumns vectors of them.
template <int kOfRows, int kOfColumns>
HWY_INLINE void sum_rows(const NarrowJob& job, const float* HWY_RESTRICT a,
                         const float* HWY_RESTRICT b, float* HWY_RESTRICT c) {
  const FloatTag d;
  const std::int64_t a_stride = job.a_stride, b_stride = job.b_stride, c_stride = job.c_stride;
  Floats sums[kOfRows][kOfColumns];
  HWY_UNROLL(6)
  for (int i = 0; i < kOfRows; ++i) {
    HWY_UNROLL(2)
    for (int v = 0; v < kOfColumns; ++v) {
      sums[i][v] = job.accumulate ? hn::LoadU(d, c + i * c_stride + v * kLanes) : hn::Zero(d);
    }
  }
  for (std::int64_t l = 0; l < job.k; ++l) {
    add_products(Broadcast{a + l, a_stride}, Whole{b + l * b_stride, kLanes}, sums);
  }
  HWY_UNROLL(6)
  for (int i = 0; i < kOfRows; ++i) {
    HWY_UNROLL(2)
    for (int v = 0; v < kOfColumns; ++v) {
      hn::StoreU(sums[i][v], d, c + i * c_stride + v * kLanes);
    }
  }
}

// The last columns of one row, fewer than a vector has.
HWY_INLINE void sum_rest(const NarrowJob& job, const float* a, const float* b, float* c,
                         std::int64_t columns) {
  const FloatTag d;
  const auto some = hn::FirstN(d, static_cast<std::size_t>(columns));
  Floats sums[1][1] = {{job.accumulate ? hn::MaskedLoad(some, d, c) : hn::Zero(d)}};
  for (std::int64_t l = 0; l < job.k; ++l) {
    add_products(Broadcast{a + l, 0}, InPart{b + l * job.b_stride, 0, columns}, sums);
  }
  hn::BlendedStore(sums[0][0], some, d, c);
}

// Some rows of c, all columns.
template <int kOfRows>
HWY_INLINE void sum_rows(const NarrowJob& job, std::int64_t row) {
  constexpr std::int64_t kAtOnce = kVectors * kLanes;
  const float* a = job.a + row * job.a_stride;
  float* c = job.c + row * job.c_stride;
  std::int64_t j = 0;
  for (; j + kAtOnce <= job.n; j += kAtOnce) {
    sum_rows<kOfRows, kVectors>(job, a, job.b + j, c + j);
  }
  for (; j + kLanes <= job.n; j += kLanes) sum_rows<kOfRows, 1>(job, a, job.b + j, c + j);
  for (int i = 0; i < kOfRows && j < job.n; ++i) {
    sum_rest(job, a + i * job.a_stride, job.b + j, c + i * job.c_stride + j, job.n - j);
  }
}

// b [k][n].
void sums_of_rows(const NarrowJob& job, std::int64_t first, std::int64_t last) {
  std::int64_t i = first;
  for (; i + kSumRows <= last; i += kSumRows) sum_rows<kSumRows>(job, i);
  for (; i < last; ++i) sum_rows<1>(job, i);
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(dot_products);
HWY_EXPORT(sums_of_rows);

constexpr std::int64_t kNarrow = 16, kWide = 64;
constexpr std::int64_t kRowsAtOnce = 48;  // of c that a thread takes

// The rows of a matrix [rows, columns], each in one piece: in place, or in `room`.
MatrixView rows_in_one_piece(MatrixView x, std::int64_t rows, std::int64_t columns,
                             std::vector<float>& room) {
  if (!x.transposed) return x;
  room.resize(static_cast<std::size_t>(rows * columns));
  for (std::int64_t j = 0; j < columns; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) {
      room[static_cast<std::size_t>(i * columns + j)] = x.data[j * x.stride + i];
    }
  }
  return {room.data(), columns};
}

void multiply_transposed(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b,
                         float* c, std::int64_t c_stride, bool accumulate) {
  std::vector<float> turned(static_cast<std::size_t>(n * m));
  gemm_f32(n, m, k, {b.data, b.stride, !b.transposed}, {a.data, a.stride, !a.transposed},
           turned.data(), m, false);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      float& to = c[i * c_stride + j];
      to = (accumulate ? to : 0) + turned[static_cast<std::size_t>(j * m + i)];
    }
  }
}

}  // namespace

bool multiply_narrow(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b,
                     float* c, std::int64_t c_stride, bool accumulate) {
  const bool is_dots = n <= kNarrow && k >= kWide && m > kNarrow;
  const bool is_sums = k <= kNarrow && n >= kWide && m > kNarrow;
  if ((!is_dots && !is_sums) || (is_sums && a.transposed) || k == 0 || n == 0) return false;
  if (a.transposed) {
    multiply_transposed(m, n, k, a, b, c, c_stride, accumulate);
    return true;
  }
  std::vector<float> room;
  const MatrixView of_b = is_dots ? rows_in_one_piece({b.data, b.stride, !b.transposed}, n, k, room)
                                  : rows_in_one_piece(b, k, n, room);
  const NarrowJob job{n, k, a.data, of_b.data, a.stride, of_b.stride, c, c_stride, accumulate};
  parallel_for(m, kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    if (is_dots) {
      HWY_DYNAMIC_DISPATCH(dot_products)(job, begin, end);
    } else {
      HWY_DYNAMIC_DISPATCH(sums_of_rows)(job, begin, end);
    }
  });
  return true;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
