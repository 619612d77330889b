#include "bantam/tensor/ops/softmax.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;
using ::testing::Each;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

OP_CASES(softmax) {
  for (const std::int64_t n : {1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257})
    yield({normal({3, n}, 2)}, softmax);
  yield({normal({5})}, softmax);
  yield({normal({2, 3, 4, 5})}, softmax);
  yield({normal({7, 5})}, [](const Tensor& x) { return softmax(transpose(x, 0, 1)); });
  yield({normal({0, 5})}, softmax);
  yield({uniform({4, 33}, -1e4, 1e4)}, softmax);
  yield({normal({130, 513})}, softmax);
  yield.timed({normal({512, 2048})}, softmax).costs(512 * 2048);
}

OP_CASES(log_softmax) {
  for (const std::int64_t n : {1, 2, 7, 16, 17, 33, 129}) yield({normal({3, n}, 2)}, log_softmax);
  yield({normal({7, 5})}, [](const Tensor& x) { return log_softmax(transpose(x, 0, 1)); });
  yield({normal({0, 5})}, log_softmax);
  yield({uniform({4, 33}, -1e4, 1e4)}, log_softmax);
  yield.timed({normal({64, 49152})}, log_softmax).costs(64 * 49152);
}

TEST(SoftmaxOfRows, GivesZerosAndNoGradientForARowOfOnlyMinusInfinity) {
  for (const bool composed : {false, true}) {
    const OpCase op_case{
        {}, [composed](Inputs in) { return composed ? softmax_composed(in[0]) : softmax(in[0]); }};
    const std::vector<float> row(17, -INFINITY);
    const Tensor x = Tensor::from(std::span<const float>(row), {1, 17}).as_variable();
    const Evaluation result = evaluate(op_case, std::vector{x});
    EXPECT_THAT(result.output.values(), Each(0.0));
    EXPECT_THAT(result.gradients[0].values(), Each(0.0));
  }
}

TEST(SoftmaxOfRows, IgnoresMaskedPlacesBesideOthers) {
  const std::vector<double> row = {-kInfinity, 1, -kInfinity, 1};
  const Tensor x = Tensor::from(std::span<const double>(row), {1, 4});
  EXPECT_THAT(softmax(x).values(), testing::ElementsAre(0.0, 0.5, 0.0, 0.5));
  EXPECT_THAT(softmax(cast(x, DType::f32)).values(), testing::ElementsAre(0.0, 0.5, 0.0, 0.5));
}

TEST(SoftmaxOfRows, PassesNanOn) {
  const std::vector<float> row = {1, NAN, 2};
  const Tensor x = Tensor::from(std::span<const float>(row), {1, 3});
  EXPECT_TRUE(std::isnan(softmax(x).values()[0]));
}

TEST(LogSoftmaxOfRows, SendsNoGradientToARowOfOnlyMinusInfinity) {
  const std::vector<float> row(5, -INFINITY);
  const OpCase op_case{{}, [](Inputs in) { return log_softmax(in[0]); }};
  const Tensor x = Tensor::from(std::span<const float>(row), {1, 5}).as_variable();
  const Evaluation result = evaluate(op_case, std::vector{x});
  EXPECT_THAT(result.output.values(), Each(-kInfinity));
  EXPECT_THAT(result.gradients[0].values(), Each(0.0));
}

}  // namespace
}  // namespace bantam
