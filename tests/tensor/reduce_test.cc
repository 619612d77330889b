#include "bantam/tensor/ops/reduce.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "bantam/base/threads.h"
#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;
using ::testing::ElementsAre;

// Every axis of shapes around the sizes of chunks.
template <class F>
void list_axes(CaseList& yield, F op) {
  for (const Shape& shape : {Shape{1},
                             {17},
                             {3, 5},
                             {1, 8},
                             {2, 3, 4},
                             {257, 3},
                             {3, 257},
                             {2, 255, 2},
                             {513, 30},
                             {3, 600}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      yield({normal(shape)}, [=](const Tensor& x) { return op(x, axis, false); });
      yield({normal(shape)}, [=](const Tensor& x) { return op(x, axis - x.rank(), true); });
    }
  }
  yield({normal({4, 5, 6})}, [=](const Tensor& x) { return op(transpose(x, 0, 2), 1, false); });
  yield.timed({normal({512, 576})}, [=](const Tensor& x) { return op(x, 0, false); })
      .costs(512 * 576);
  yield.timed({normal({512, 576})}, [=](const Tensor& x) { return op(x, 1, false); })
      .costs(512 * 576);
}

OP_CASES(sum) {
  list_axes(yield, [](const Tensor& x, int axis, bool keep) { return sum(x, axis, keep); });
  for (const Shape& shape : {Shape{}, {1}, {255}, {257}, {3, 5}, {0}, {70000}})
    yield({normal(shape)}, [](const Tensor& x) { return sum(x); });
  yield({normal({0, 3})}, [](const Tensor& x) { return sum(x, 0); });
  yield({normal({3, 0})}, [](const Tensor& x) { return sum(x, 0); });
}

OP_CASES(mean) {
  list_axes(yield, [](const Tensor& x, int axis, bool keep) { return mean(x, axis, keep); });
  yield({normal({3, 5})}, [](const Tensor& x) { return mean(x); });
}

OP_CASES(max) {
  list_axes(yield, [](const Tensor& x, int axis, bool keep) { return max(x, axis, keep); });
}

OP_CASES(sum_to) {
  const auto to = [](const Shape& shape) {
    return [shape](const Tensor& x) { return sum_to(x, shape); };
  };
  yield({normal({3, 5})}, [](const Tensor& x) { return scale(sum_to(x, {3, 5}), 2); });
  yield({normal({3, 5})}, to({5}));
  yield({normal({3, 5})}, to({}));
  yield({normal({3, 5})}, to({3, 1}));
  yield({normal({2, 3, 4, 5})}, to({3, 1, 5}));
  yield({normal({2, 3, 4, 5})}, to({1, 3, 1, 5}));
  yield({normal({2, 3, 4, 5})}, to({1, 1, 4, 1}));
  yield({normal({0, 5})}, to({5}));
  yield.timed({normal({512, 1536})}, to({1536})).costs(512 * 1536);
}

TEST(Argmax, TakesTheFirstOfEqualsAndCountsAxesFromTheBack) {
  const std::vector<float> list = {1, 3, 3, 0, -1, -1};
  const Tensor x = Tensor::from(std::span<const float>(list), {2, 3});
  EXPECT_THAT(argmax(x, -1).values(), ElementsAre(1, 0));
  EXPECT_THAT(argmax(x, 0).values(), ElementsAre(0, 0, 0));
  EXPECT_EQ(argmax(x, 0).dtype(), DType::i32);
}

TEST(Argmax, RefusesToLoseAGradientSilently) {
  Tape tape;
  const Tape::Recording recording(tape);
  const Tensor x = Tensor::zeros({2, 3}).as_variable();
  EXPECT_THROW(argmax(x, 1), Error);
  EXPECT_NO_THROW(argmax(x.stop_gradient(), 1));
}

TEST(Max, SendsItsGradientToTheFirstOfEquals) {
  const std::vector<float> list = {2, 5, 5};
  const Tensor x = Tensor::from(std::span<const float>(list), {1, 3}).as_variable();
  const OpCase op_case{{}, [](Inputs in) { return max(in[0], 1); }};
  const auto gradient = evaluate(op_case, std::vector{x}).gradients[0].values();
  EXPECT_EQ(gradient[0], 0);
  EXPECT_NE(gradient[1], 0);
  EXPECT_EQ(gradient[2], 0);
}

TEST(Sum, KeepsSmallTermsBesideAMillionOthers) {
  // 16 million times 0.1 in one f32 sum would stop growing near 2,097,152.
  const Tensor x = Tensor::full({1 << 24}, 0.1);
  EXPECT_NEAR(sum(x).item() / (0.1 * (1 << 24)), 1.0, 1e-6);
}

TEST(Reductions, GiveTheSameBitsAtAnyThreadCount) {
  const int before = thread_count();
  RandomStream stream(5, "reduce-test");
  const Tensor x = cast(normal({1000, 777})(stream), DType::f32);
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 3, 8}) {
    set_thread_count(threads);
    results.push_back({sum(x).item(), l2_norm(x), sum(sum(x, 0)).item(), sum(sum(x, 1)).item()});
  }
  set_thread_count(before);
  for (const auto& result : results) EXPECT_EQ(result, results.front());
}

TEST(L2Norm, IsTheRootOfTheSumOfSquares) {
  const std::vector<float> list = {3, 4, 12};
  EXPECT_DOUBLE_EQ(l2_norm(Tensor::from(std::span<const float>(list), {3})), 13.0);
  EXPECT_EQ(l2_norm(Tensor::zeros({0})), 0.0);
  // Squares of 1e30 overflow f32.
  EXPECT_NEAR(l2_norm(Tensor::full({4}, 1e30)) / 2e30, 1.0, 1e-6);
}

TEST(AllFinite, FindsOneBadValueAnywhere) {
  Tensor x = Tensor::zeros({70001});
  EXPECT_TRUE(all_finite(x));
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (const std::size_t place : {0, 65535, 65536, 70000}) {
      x.span<float>()[place] = bad;
      EXPECT_FALSE(all_finite(x)) << bad << " at " << place;
      x.span<float>()[place] = std::numeric_limits<float>::max();
    }
  }
  EXPECT_TRUE(all_finite(x));
}

TEST(AllFinite, LooksAtEveryPlaceOfARow) {
  for (const std::size_t width : {0, 1, 7, 8, 9, 33}) {
    std::vector<float> row(width, std::numeric_limits<float>::lowest());
    EXPECT_TRUE(all_finite(row)) << width;
    for (std::size_t place = 0; place < width; ++place) {
      row[place] = NAN;
      EXPECT_FALSE(all_finite(row)) << place << " of " << width;
      row[place] = -INFINITY;
      EXPECT_FALSE(all_finite(row)) << place << " of " << width;
      row[place] = 0;
    }
  }
}

TEST(Argmax, OfARowIsTheFirstOfEquals) {
  std::vector<float> row(2500, -INFINITY);
  EXPECT_EQ(argmax(row), 0);  // nothing but what may not be chosen
  for (const std::int64_t place : {2499, 2047, 1024, 1023, 17, 0}) {
    row[static_cast<std::size_t>(place)] = -3;
    EXPECT_EQ(argmax(row), place);
  }
  row[1030] = 2;
  EXPECT_EQ(argmax(row), 1030);
}

TEST(Reductions, NameAnAxisThatDoesNotExist) {
  EXPECT_THROW(sum(Tensor::zeros({2, 3}), 2), Error);
  EXPECT_THROW(sum(Tensor::zeros({2, 3}), -3), Error);
  EXPECT_THROW(max(Tensor::zeros({2, 0}), 1), Error);
  EXPECT_THROW(sum_to(Tensor::zeros({2, 3}), {2}), Error);
}

}  // namespace
}  // namespace bantam
