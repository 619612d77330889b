#include "bantam/tensor/ops/rms_norm.h"

#include <gmock/gmock.h>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

Tensor norm(const Tensor& x, const Tensor& weight) { return rms_norm(x, weight, 1e-5f); }

OP_CASES(rms_norm) {
  for (const std::int64_t n : {1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257}) {
    yield({normal({3, n}), normal({n})}, norm);
  }
  yield({normal({5}), normal({5})}, norm);
  yield({normal({2, 3, 4, 5}), normal({5})}, norm);
  yield({normal({100, 33}), normal({33})}, norm);
  yield({normal({0, 4}), normal({4})}, norm);
  yield({normal({6, 5}), normal({6})},
        [](const Tensor& x, const Tensor& w) { return norm(transpose(x, 0, 1), w); });
  yield.timed({normal({640, 576}), normal({576})}, norm);
}

TEST(RmsNormOfRows, LeavesARowOfZerosAtZero) {
  const Tensor y = norm(Tensor::zeros({1, 9}), Tensor::full({9}, 1.0));
  EXPECT_THAT(y.values(), testing::Each(0.0));
}

TEST(RmsNormOfRows, RefusesAWeightOfAnotherWidth) {
  EXPECT_THROW(norm(Tensor::zeros({2, 4}), Tensor::zeros({5})), Error);
  EXPECT_THROW(norm(Tensor::zeros({2, 4}), Tensor::zeros({4}, DType::f64)), Error);
}

}  // namespace
}  // namespace bantam
