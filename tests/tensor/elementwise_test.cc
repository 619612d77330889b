#include "bantam/tensor/ops/elementwise.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;
using ::testing::HasSubstr;

// Pairs of shapes that broadcast in every way the loops tell apart.
std::vector<std::pair<Shape, Shape>> broadcast_pairs() {
  return {
      {{}, {}},
      {{1}, {1}},
      {{17}, {17}},
      {{3, 5}, {3, 5}},
      {{3, 5}, {5}},
      {{3, 5}, {}},
      {{3, 5}, {3, 1}},
      {{5}, {3, 5}},
      {{3, 1}, {1, 7}},
      {{2, 3, 4}, {3, 1}},
      {{2, 1, 4}, {3, 1}},
      {{2, 3, 4}, {2, 1, 4}},
      {{0, 5}, {5}},
      {{4, 0}, {4, 1}},
      {{2, 1, 3, 1, 2}, {1, 2, 1, 3, 1}},
      {{65, 127}, {127}},
      {{129, 257}, {129, 257}},
  };
}

template <class F>
void list_pairs(CaseList& yield, F op, double low, double high) {
  for (const auto& [a, b] : broadcast_pairs())
    yield({uniform(a, -2, 2), uniform(b, low, high)}, op);
  // Both operands strided, in different ways.
  yield({uniform({5, 7}, -2, 2), uniform({7, 5}, low, high)},
        [op](const Tensor& a, const Tensor& b) { return op(transpose(a, 0, 1), b); });
  yield({uniform({6, 7}, -2, 2), uniform({7, 6}, low, high)},
        [op](const Tensor& a, const Tensor& b) {
          return op(slice(a, 1, 2, 5), slice(transpose(b, 0, 1), 1, 1, 4));
        });
  yield.timed({normal({512, 576}), uniform({512, 576}, low, high)}, op).costs(512 * 576);
  yield.timed({normal({512, 576}), uniform({576}, low, high)}, op).costs(512 * 576);
}

template <class F>
void list_shapes(CaseList& yield, F op, double low, double high) {
  for (const Shape& shape : {Shape{}, {1}, {7}, {16}, {33}, {3, 5}, {2, 3, 129}, {0, 3}})
    yield({uniform(shape, low, high)}, op);
  yield({uniform({9, 5}, low, high)}, [op](const Tensor& x) { return op(transpose(x, 0, 1)); });
  yield({uniform({20, 1000}, low, high)}, op);
  yield.timed({uniform({512, 1536}, low, high)}, op).costs(512 * 1536);
}

OP_CASES(add) { list_pairs(yield, add, -2, 2); }
OP_CASES(subtract) { list_pairs(yield, subtract, -2, 2); }
OP_CASES(multiply) { list_pairs(yield, multiply, -2, 2); }
OP_CASES(divide) { list_pairs(yield, divide, 0.5, 2); }
OP_CASES(scale) {
  list_shapes(
      yield, [](const Tensor& x) { return scale(x, -1.7); }, -3, 3);
}
OP_CASES(add_scalar) {
  list_shapes(
      yield, [](const Tensor& x) { return add_scalar(x, 0.3); }, -3, 3);
}
OP_CASES(negate) { list_shapes(yield, negate, -3, 3); }
OP_CASES(exp) {
  list_shapes(
      yield, [](const Tensor& x) { return exp(x); }, -3, 3);
}
OP_CASES(log) {
  list_shapes(
      yield, [](const Tensor& x) { return log(x); }, 0.2, 4);
}
OP_CASES(sqrt) {
  list_shapes(
      yield, [](const Tensor& x) { return sqrt(x); }, 0.2, 4);
}
OP_CASES(reciprocal_sqrt) { list_shapes(yield, reciprocal_sqrt, 0.2, 4); }
OP_CASES(square) { list_shapes(yield, square, -3, 3); }
OP_CASES(sigmoid) { list_shapes(yield, sigmoid, -6, 6); }
OP_CASES(silu) { list_shapes(yield, silu, -6, 6); }
OP_CASES(gelu) { list_shapes(yield, gelu, -4, 4); }
OP_CASES(gelu_tanh) { list_shapes(yield, gelu_tanh, -4, 4); }
// Both sides of the kink, at a distance that the difference quotient cannot cross.
OP_CASES(relu) {
  list_shapes(yield, relu, 0.1, 3);
  list_shapes(yield, relu, -3, -0.1);
}
OP_CASES(tanh) {
  list_shapes(
      yield, [](const Tensor& x) { return tanh(x); }, -4, 4);
}

float applied(Tensor (*op)(const Tensor&), float x) {
  return op(Tensor::from(std::span<const float>(&x, 1), {1})).data<float>()[0];
}

TEST(VectorMath, StaysWithinTwoUnitsOfTheLastPlaceOfExp) {
  for (float x = -87.0f; x <= 88.5f; x += 0.0437f) {
    const double exact = std::exp(static_cast<double>(x));
    EXPECT_NEAR(applied(exp, x) / exact, 1.0, 2 * 1.2e-7) << x;
  }
}

TEST(VectorMath, ReachesItsLimitsAndKeepsNan) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(applied(exp, 89.0f), kInfinity);
  EXPECT_EQ(applied(exp, kInfinity), kInfinity);
  EXPECT_EQ(applied(exp, -kInfinity), 0.0f);
  EXPECT_EQ(applied(sigmoid, 1e4f), 1.0f);
  EXPECT_EQ(applied(sigmoid, -1e4f), 0.0f);
  EXPECT_EQ(applied(silu, 1e4f), 1e4f);
  EXPECT_EQ(applied(tanh, 1e4f), 1.0f);
  EXPECT_EQ(applied(tanh, -1e4f), -1.0f);
  for (Tensor (*op)(const Tensor&) : {&exp, &log, &sqrt, &sigmoid, &silu, &relu, &tanh})
    EXPECT_TRUE(std::isnan(applied(op, NAN)));
}

TEST(Broadcast, NamesOpAndBothShapesWhenTheyDoNotFit) {
  try {
    add(Tensor::zeros({3, 4}), Tensor::zeros({3, 5}));
    FAIL() << "shapes that do not fit were added";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(std::string(error.what()), HasSubstr("add: [3, 4] and [3, 5]"));
  }
}

TEST(Broadcast, RefusesOperandsOfDifferentTypes) {
  EXPECT_THROW(multiply(Tensor::zeros({3}), Tensor::zeros({3}, DType::f64)), Error);
  EXPECT_THROW(multiply(Tensor::zeros({3}, DType::i32), Tensor::zeros({3}, DType::i32)), Error);
}

}  // namespace
}  // namespace bantam
