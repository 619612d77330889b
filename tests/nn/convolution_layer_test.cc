#include "bantam/nn/convolution_layer.h"

#include <gmock/gmock.h>

#include "bantam/base/error.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using op_tests::normal;
using testing::ElementsAre;

AttentionPlan texts(std::initializer_list<std::int64_t> lengths) {
  return AttentionPlan::whole(std::vector<std::int64_t>(lengths));
}

OP_CASES(convolution) {
  for (const std::int64_t kernel : {1, 3, 5}) {
    yield({normal({9, 4}), normal({6, 4, kernel}), normal({6})},
          [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
            return convolution(x, weight, bias, texts({4, 1, 2, 2}));
          });
  }
}

TEST(Neighbors, AreThoseOfTheSameText) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4, 5}, {5, 1});
  const AttentionPlan plan = texts({3, 2});
  EXPECT_THAT(neighbors(x, plan, 1).values(), ElementsAre(2, 3, 0, 5, 0));
  EXPECT_THAT(neighbors(x, plan, -2).values(), ElementsAre(0, 0, 1, 0, 0));
}

TEST(Convolution, RefusesAKernelWithoutAMiddle) {
  EXPECT_THROW(convolution(Tensor::zeros({2, 4}), Tensor::zeros({4, 4, 2}), {}, texts({2})), Error);
}

}  // namespace
}  // namespace bantam
