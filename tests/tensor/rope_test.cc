#include "bantam/tensor/ops/rope.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

Tensor positions(std::int64_t count) {
  std::vector<std::int32_t> list(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<std::int32_t>(i * 37 % 101);
  return Tensor::from(std::span<const std::int32_t>(list), {count});
}

auto rotated(std::int64_t tokens, int rotary_width, bool interleaved) {
  const RopeTable table = rope_table(positions(tokens), rope_frequencies(rotary_width, 1e4));
  return [table, interleaved](const Tensor& x) { return rope(x, table, interleaved); };
}

OP_CASES(rope) {
  for (const bool interleaved : {false, true}) {
    for (const int width : {2, 6, 8, 16, 34, 64, 130}) {
      yield({normal({5, 3, width})}, rotated(5, width, interleaved));
    }
    yield({normal({4, 2, 24})}, rotated(4, 16, interleaved));
    yield({normal({40, 1, 8})}, rotated(40, 8, interleaved));
    yield({normal({0, 2, 8})}, rotated(0, 8, interleaved));
  }
  yield({normal({3, 5, 8})}, [table = rope_table(positions(5), rope_frequencies(8, 1e4))](
                                 const Tensor& x) { return rope(transpose(x, 0, 1), table); });
  yield.timed({normal({640, 9, 64})}, rotated(640, 64, false));
}

TEST(RotaryEmbedding, DependsOnTheDistanceOnly) {
  const auto score = [](std::int32_t query, std::int32_t key) {
    const std::vector<std::int32_t> at = {query, key};
    const RopeTable table =
        rope_table(Tensor::from(std::span<const std::int32_t>(at), {2}), rope_frequencies(4, 100));
    const std::vector<float> x = {1, 2, 3, 4, 0.5, -1, 2, 1};
    const std::vector<double> y =
        rope(Tensor::from(std::span<const float>(x), {2, 1, 4}), table).values();
    return y[0] * y[4] + y[1] * y[5] + y[2] * y[6] + y[3] * y[7];
  };
  EXPECT_NEAR(score(9, 4), score(105, 100), 1e-5);
  EXPECT_GT(std::abs(score(9, 4) - score(9, 5)), 1e-3);
}

TEST(RotaryEmbedding, KeepsAnglesExactAtFarPositions) {
  const std::vector<std::int32_t> at = {1'000'003};
  const RopeTable table = rope_table(Tensor::from(std::span<const std::int32_t>(at), {1}),
                                     std::vector<double>{1.0, 0.1}, 2.0);
  EXPECT_FLOAT_EQ(table.cosine.data<float>()[0], static_cast<float>(2 * std::cos(1'000'003.0)));
  EXPECT_FLOAT_EQ(table.sine.data<float>()[1], static_cast<float>(2 * std::sin(100'000.3)));
}

TEST(RotaryEmbedding, RefusesATableForAnotherNumberOfTokens) {
  const RopeTable table = rope_table(positions(3), rope_frequencies(8, 1e4));
  EXPECT_THROW(rope(Tensor::zeros({4, 2, 8}), table), Error);
  EXPECT_THROW(rope(Tensor::zeros({3, 2, 6}), table), Error);
}

}  // namespace
}  // namespace bantam
