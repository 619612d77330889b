#include "bantam/tensor/ops/swiglu.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

OP_CASES(swiglu) {
  for (const std::int64_t n : {1, 2, 3, 7, 8, 15, 16, 17, 65, 257}) {
    yield({normal({3, n}, 3), normal({3, n})}, swiglu);
  }
  yield({normal({0, 4}), normal({0, 4})}, swiglu);
  yield({normal({300, 129}), normal({300, 129})}, swiglu);
  yield({uniform({2, 33}, -1e4, 1e4), normal({2, 33})}, swiglu);
  yield({normal({4, 5}), normal({5, 4})},
        [](const Tensor& gate, const Tensor& up) { return swiglu(gate, transpose(up, 0, 1)); });
  yield.timed({normal({640, 1536}), normal({640, 1536})}, swiglu);
}

TEST(SwigluGate, PassesNanOn) {
  const std::vector<float> gate = {NAN, 1}, up = {1, NAN};
  const Tensor y = swiglu(Tensor::from(std::span<const float>(gate), {2}),
                          Tensor::from(std::span<const float>(up), {2}));
  EXPECT_THAT(y.values(), testing::Each(testing::IsNan()));
}

TEST(SwigluGate, RefusesOperandsOfDifferentShapes) {
  EXPECT_THROW(swiglu(Tensor::zeros({2, 3}), Tensor::zeros({3, 2})), Error);
}

}  // namespace
}  // namespace bantam
