#include "bantam/tensor/ops/layer_norm.h"

#include <gmock/gmock.h>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

Tensor norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return layer_norm(x, weight, bias, 1e-5f);
}
Tensor norm_without_bias(const Tensor& x, const Tensor& weight) {
  return layer_norm(x, weight, {}, 1e-5f);
}

OP_CASES(layer_norm) {
  for (const std::int64_t n : {2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257}) {
    yield({normal({3, n}), normal({n}), normal({n})}, norm);
  }
  yield({normal({5, 12}), normal({12})}, norm_without_bias);
  yield({normal({5}), normal({5}), normal({5})}, norm);
  yield({normal({2, 3, 4, 5}), normal({5}), normal({5})}, norm);
  yield({normal({100, 33}), normal({33}), normal({33})}, norm);
  yield({normal({0, 4}), normal({4}), normal({4})}, norm);
  yield({normal({6, 5}), normal({6}), normal({6})},
        [](const Tensor& x, const Tensor& w, const Tensor& b) {
          return norm(transpose(x, 0, 1), w, b);
        });
  yield.timed({normal({640, 576}), normal({576}), normal({576})}, norm);
}

TEST(LayerNormOfRows, GivesTheBiasWhereAllValuesAreEqual) {
  const Tensor y = norm(Tensor::full({2, 9}, 3.25), Tensor::full({9}, 2), Tensor::full({9}, 0.5));
  EXPECT_THAT(y.values(), testing::Each(0.5));
}

TEST(LayerNormOfRows, KeepsWhatIsSmallBesideALargeMean) {
  const Tensor y = norm_without_bias(Tensor::from(std::vector<float>{4096.5f, 4095.5f}, {1, 2}),
                                     Tensor::full({2}, 1));
  EXPECT_THAT(y.values(), testing::Pointwise(testing::DoubleNear(1e-4), {1.0, -1.0}));
}

TEST(LayerNormOfRows, RefusesAWeightOrABiasOfAnotherWidth) {
  const Tensor x = Tensor::zeros({2, 4});
  EXPECT_THROW(norm(x, Tensor::zeros({5}), Tensor::zeros({5})), Error);
  EXPECT_THROW(norm(x, Tensor::zeros({4}), Tensor::zeros({3})), Error);
  EXPECT_THROW(norm(x, Tensor::zeros({4}, DType::f64), {}), Error);
}

}  // namespace
}  // namespace bantam
