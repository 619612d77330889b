#include "bantam/tensor/ops/matmul.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

OP_CASES(matmul) {
  for (const std::int64_t n : {1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65})
    yield({normal({n, 17}), normal({17, n})}, matmul);
  for (const std::int64_t k : {1, 7, 16, 127, 129, 257})
    yield({normal({3, k}), normal({k, 5})}, matmul);
  yield({normal({1, 300}), normal({300, 1})}, matmul);
  yield({normal({3, 0}), normal({0, 5})}, matmul);
  yield({normal({0, 4}), normal({4, 5})}, matmul);
  yield({normal({2, 3, 4}), normal({2, 4, 5})}, matmul);
  yield({normal({2, 3, 2, 4}), normal({2, 3, 4, 5})}, matmul);
  yield({normal({0, 3, 4}), normal({0, 4, 5})}, matmul);
  yield({normal({4, 3}), normal({5, 4})}, [](const Tensor& a, const Tensor& b) {
    return matmul(transpose(a, 0, 1), transpose(b, 0, 1));
  });
  yield({normal({6, 8}), normal({4, 5})},
        [](const Tensor& a, const Tensor& b) { return matmul(slice(a, 1, 2, 6), b); });
  yield({normal({2, 4, 3}), normal({5, 4, 2})}, [](const Tensor& a, const Tensor& b) {
    return matmul(transpose(a, 1, 2), transpose(b, 0, 2));
  });
  yield({normal({200, 65}), normal({65, 400})}, matmul);  // more tiles than threads
  yield.timed({normal({512, 576}), normal({576, 1536})}, matmul).costs(512.0 * 576 * 1536);
}

double largest(const Tensor& x) {
  double most = 0;
  for (const double value : x.values()) most = std::max(most, std::abs(value));
  return most;
}

TEST(MatmulPrecision, Bf16ProductsErrByTheRoundingOfTheirOperands) {
  if (!cpu_multiplies_bf16()) GTEST_SKIP() << "this CPU has no bf16 products";
  RandomStream stream(2, "matmul-test");
  const Tensor a = normal({48, 300})(stream), b = normal({300, 40})(stream);
  set_matmul_precision(MatmulPrecision::bf16);
  const Tensor y = matmul(cast(a, DType::f32), cast(b, DType::f32));
  set_matmul_precision(MatmulPrecision::automatic);
  // Each operand is rounded to 8 bits, a relative error of at most 2^-9 each; 300 products of
  // independent errors add up like their root. Five standard deviations.
  const double tolerance = 5 * 2 * std::sqrt(300.0) * 0x1p-9 * largest(a) * largest(b) / 4;
  EXPECT_LT(largest(subtract(cast(y, DType::f64), matmul(a, b))), tolerance);
}

TEST(MatmulPrecision, Bf16OnACpuWithoutItIsRefusedAndChangesNothing) {
  if (cpu_multiplies_bf16()) GTEST_SKIP() << "this CPU has bf16 products";
  try {
    set_matmul_precision(MatmulPrecision::bf16);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("AVX512-BF16"));
  }
  EXPECT_EQ(matmul_precision(), MatmulPrecision::f32);
}

TEST(Matmul, NamesTheShapesThatDoNotFit) {
  EXPECT_THROW(matmul(Tensor::zeros({2, 3}), Tensor::zeros({4, 5})), Error);
  EXPECT_THROW(matmul(Tensor::zeros({2, 2, 3}), Tensor::zeros({3, 3, 5})), Error);
  EXPECT_THROW(matmul(Tensor::zeros({3}), Tensor::zeros({3, 5})), Error);
  EXPECT_THROW(matmul(Tensor::zeros({2, 3}), Tensor::zeros({3, 5}, DType::f64)), Error);
}

}  // namespace
}  // namespace bantam
