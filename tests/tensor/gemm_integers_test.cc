// Products in integers of 16 and 8 bits against the same in f64, within the bound that rounding
// implies.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/gemm.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam::cpu {
namespace {

enum class Kind { i16_exact, i16_fast, i8 };

std::int64_t group_of(Kind kind) {
  if (kind == Kind::i8) return i8_rounding().group;
  return static_cast<std::int64_t>(kind == Kind::i16_fast ? I16Group::fast : I16Group::exact);
}

class GemmIntegers : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (!cpu_multiplies_integers()) GTEST_SKIP() << "needs AVX2 or AVX-512 with VNNI";
  }
  ~GemmIntegers() override { set_thread_count(0); }

  static void multiply(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b,
                       float* c, std::int64_t c_stride, bool accumulate) {
    if (GetParam() == Kind::i8) {
      gemm_i8(m, n, k, a, b, c, c_stride, accumulate);
    } else {
      gemm_i16(m, n, k, a, b, c, c_stride, accumulate,
               GetParam() == Kind::i16_fast ? I16Group::fast : I16Group::exact);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, GemmIntegers,
                         ::testing::Values(Kind::i16_exact, Kind::i16_fast, Kind::i8));

struct Case {
  std::int64_t m, n, k;
  bool a_transposed, b_transposed;
};

// A matrix [rows, columns] kept as the view says, rows (or columns) further apart than it is wide.
struct Matrix {
  Matrix(std::int64_t rows, std::int64_t columns, bool transposed, RandomStream& random)
      : stride((transposed ? rows : columns) + 3),
        transposed(transposed),
        data(static_cast<std::size_t>(stride * (transposed ? columns : rows))) {
    for (float& x : data) x = static_cast<float>(random.next_normal());
  }
  float& at(std::int64_t row, std::int64_t column) {
    return data[static_cast<std::size_t>(transposed ? column * stride + row
                                                    : row * stride + column)];
  }
  MatrixView view() const { return {data.data(), stride, transposed}; }

  std::int64_t stride;
  bool transposed;
  std::vector<float> data;
};

// Values are off by half a level. Of 16 bits: 0.5 / 46,330 of a group's length each, or 0.5 /
// 32,767 of its largest where that is more; of 8 bits: 0.5 / 127, or 63, of its largest. Sums of
// f32 over groups add their own rounding.
double error_bound(Matrix& a, Matrix& b, std::int64_t row, std::int64_t column, std::int64_t k,
                   Kind kind) {
  const std::int64_t group = group_of(kind);
  double bound = 0, magnitude = 0;
  for (std::int64_t begin = 0; begin < k; begin += group) {
    double a_length = 0, b_length = 0, a_sum = 0, b_sum = 0, a_largest = 0, b_largest = 0;
    for (std::int64_t l = begin; l < std::min(begin + group, k); ++l) {
      const double x = a.at(row, l), y = b.at(l, column);
      a_length += x * x, b_length += y * y, a_sum += std::abs(x), b_sum += std::abs(y);
      a_largest = std::max(a_largest, std::abs(x)), b_largest = std::max(b_largest, std::abs(y));
      magnitude += std::abs(x * y);
    }
    const double a_step =
        kind == Kind::i8 ? a_largest / i8_rounding().largest_level : std::sqrt(a_length) / 32767;
    const double b_step =
        kind == Kind::i8 ? b_largest / i8_rounding().largest_level : std::sqrt(b_length) / 32767;
    bound += 0.5 * (a_step * b_sum + b_step * a_sum) +
             0.25 * static_cast<double>(group) * a_step * b_step;
  }
  return bound + 1e-6 * magnitude;
}

double product(Matrix& a, Matrix& b, std::int64_t row, std::int64_t column, std::int64_t k) {
  double sum = 0;
  for (std::int64_t l = 0; l < k; ++l) sum += static_cast<double>(a.at(row, l)) * b.at(l, column);
  return sum;
}

using Multiply = void (*)(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a,
                          MatrixView b, float* c, std::int64_t c_stride, bool accumulate);

void expect_product(Kind kind, Multiply multiply, Matrix& a, Matrix& b, std::int64_t m,
                    std::int64_t n, std::int64_t k) {
  constexpr float kBefore = 0.5f, kUntouched = 7;
  const std::int64_t stride = n + 5;
  for (const bool accumulate : {false, true}) {
    std::vector<float> c(static_cast<std::size_t>(m * stride), kUntouched);
    for (std::int64_t i = 0; i < m; ++i) std::fill_n(c.begin() + i * stride, n, kBefore);
    multiply(m, n, k, a.view(), b.view(), c.data(), stride, accumulate);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const double expected = product(a, b, i, j, k) + (accumulate ? kBefore : 0);
        ASSERT_NEAR(c[static_cast<std::size_t>(i * stride + j)], expected,
                    error_bound(a, b, i, j, k, kind) + 1e-6)
            << "row " << i << ", column " << j << ", accumulate " << accumulate;
      }
      for (std::int64_t j = n; j < stride; ++j) {
        ASSERT_EQ(c[static_cast<std::size_t>(i * stride + j)], kUntouched) << "beyond a row of c";
      }
    }
  }
}

TEST_P(GemmIntegers, IsTheProductWithinItsRounding) {
  const std::vector<Case> cases = {
      {1, 1, 1, false, false},    {5, 17, 3, false, true},      {6, 16, 32, true, false},
      {7, 33, 385, true, true},   {65, 129, 127, false, false}, {64, 48, 576, false, true},
      {13, 31, 769, true, false}, {193, 400, 64, false, true},  {200, 129, 771, true, true}};
  RandomStream random(11, "gemm-integers");
  for (const Case& shape : cases) {
    SCOPED_TRACE(testing::Message() << shape.m << " x " << shape.n << " x " << shape.k);
    Matrix a(shape.m, shape.k, shape.a_transposed, random);
    Matrix b(shape.k, shape.n, shape.b_transposed, random);
    expect_product(GetParam(), multiply, a, b, shape.m, shape.n, shape.k);
  }
}

// What would overflow 32 bits first: vectors that point the same way, flat, with one value that is
// larger than all others, or of very different sizes.
TEST_P(GemmIntegers, HoldsAnyPairOfVectors) {
  constexpr std::int64_t kLength = 768;
  RandomStream random(12, "gemm-integers");
  for (const bool transposed : {false, true}) {
    Matrix a(40, kLength, transposed, random), b(kLength, 40, transposed, random);
    for (std::int64_t l = 0; l < kLength; ++l) {
      for (std::int64_t i = 0; i < 40; ++i) {
        const float size = std::pow(10.0f, static_cast<float>(i % 8) * 4 - 16);
        const bool is_flat = i % 3 == 0, is_spike = i % 3 == 1;
        a.at(i, l) = size * (is_flat ? 1 : is_spike ? (l % 384 == 7 ? 1e4f : 1) : a.at(i, l));
        b.at(l, i) = is_flat ? -1 : is_spike ? (l % 384 == 7 ? -1e4f : 1) : b.at(l, i);
      }
    }
    expect_product(GetParam(), multiply, a, b, 40, 40, kLength);
  }
}

TEST_P(GemmIntegers, TinyAndLargeValuesStayInRange) {
  RandomStream random(13, "gemm-integers");
  Matrix a(33, 64, false, random), b(64, 33, false, random);
  for (std::int64_t l = 0; l < 64; ++l) {
    for (std::int64_t i = 0; i < 33; ++i) {
      a.at(i, l) *= i % 2 == 0 ? 1e-25f : 1e25f;  // whose squares leave the range of f32
      b.at(l, i) *= 1e-3f;
    }
  }
  std::vector<float> c(33 * 33);
  multiply(33, 33, 64, a.view(), b.view(), c.data(), 33, false);
  for (std::int64_t i = 0; i < 33; ++i) {
    for (std::int64_t j = 0; j < 33; ++j) {
      const double expected = product(a, b, i, j, 64);
      EXPECT_NEAR(
          c[static_cast<std::size_t>(i * 33 + j)], expected,
          10 * error_bound(a, b, i, j, 64, GetParam()));  // scales then come from the largest value
    }
  }
}

TEST_P(GemmIntegers, WhatIsNotFiniteMakesItsRowOrColumnNaN) {
  RandomStream random(14, "gemm-integers");
  for (const bool transposed : {false, true}) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Matrix a(40, 100, transposed, random), b(100, 40, transposed, random);
      a.at(3, 50) = bad;
      b.at(99, 39) = -bad;
      std::vector<float> c(40 * 40);
      multiply(40, 40, 100, a.view(), b.view(), c.data(), 40, false);
      for (std::int64_t i = 0; i < 40; ++i) {
        for (std::int64_t j = 0; j < 40; ++j) {
          EXPECT_EQ(std::isnan(c[static_cast<std::size_t>(i * 40 + j)]), i == 3 || j == 39)
              << i << ", " << j;
        }
      }
    }
  }
}

TEST_P(GemmIntegers, ThreadsChangeNoBit) {
  RandomStream random(15, "gemm-integers");
  Matrix a(300, 500, false, random), b(500, 450, true, random);
  std::vector<std::vector<float>> found;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    found.emplace_back(300 * 450);
    multiply(300, 450, 500, a.view(), b.view(), found.back().data(), 450, false);
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

TEST_P(GemmIntegers, AnEmptySumIsZero) {
  std::vector<float> c(4, 3);
  multiply(2, 2, 0, {nullptr, 0}, {nullptr, 2}, c.data(), 2, true);
  EXPECT_EQ(c, std::vector<float>(4, 3));
  multiply(2, 2, 0, {nullptr, 0}, {nullptr, 2}, c.data(), 2, false);
  EXPECT_EQ(c, std::vector<float>(4, 0));
}

}  // namespace
}  // namespace bantam::cpu
