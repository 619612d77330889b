#include "bantam/tensor/relative_bias.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

// Sequences end to end, each token seeing all of its own or what comes before.
struct Plan {
  Visibility visibility;
  std::vector<std::int32_t> positions;
};

Plan planned(std::initializer_list<std::int32_t> lengths, bool causal) {
  Plan plan;
  std::int32_t begin = 0;
  for (const std::int32_t length : lengths) {
    for (std::int32_t t = 0; t < length; ++t) {
      plan.visibility.push({{begin, begin + (causal ? t + 1 : length)}});
      plan.positions.push_back(t);
    }
    begin += length;
  }
  plan.visibility.key_rows = begin;
  return plan;
}

// Five distances to each side, the nearest with buckets of their own.
RelativeBias seven_buckets(const Plan& plan) {
  RelativeBias bias;
  bias.buckets = {0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 6};
  bias.least_distance = -5;
  bias.query_positions = bias.key_positions = plan.positions;
  return bias;
}

enum class Sides { query, key, both };

auto with(Plan plan, Sides sides, ScoreForm form) {
  return [plan = std::move(plan), sides, form](Inputs in) {
    RelativeBias bias = seven_buckets(plan);
    if (sides != Sides::key) bias.by_query = in[3];
    if (sides != Sides::query) bias.by_key = in.back();
    return attention(in[0], in[1], in[2], plan.visibility, form, bias);
  };
}

OP_CASES(relative_attention) {
  const auto add = [&](Plan plan, std::int64_t heads, std::int64_t groups, std::int64_t width,
                       Sides sides, bool is_shared, ScoreForm form = 0.3f) {
    const std::int64_t tokens = plan.visibility.queries(), rows = is_shared ? 1 : tokens;
    std::vector<Input> inputs = {normal({tokens, heads, width}), normal({tokens, groups, width}),
                                 normal({tokens, groups, width}), normal({rows, heads, 7})};
    if (sides == Sides::both) inputs.push_back(normal({rows, heads, 7}));
    yield(std::move(inputs), with(std::move(plan), sides, form));
  };
  for (const bool is_shared : {true, false}) {
    for (const Sides sides : {Sides::query, Sides::key, Sides::both}) {
      add(planned({9}, true), 2, 2, 16, sides, is_shared);
      add(planned({5, 1, 20, 3}, false), 4, 2, 8, sides, is_shared);
    }
    add(planned({75}, false), 2, 1, 16, Sides::both, is_shared);
    add(planned({700}, true), 1, 1, 16, Sides::query, is_shared);
  }
  add(planned({20}, false), 3, 1, 16, Sides::query, true, {0.7f, 2.5f});  // near the cap
  yield
      .timed({normal({512, 8, 64}), normal({512, 8, 64}), normal({512, 8, 64}), normal({1, 8, 7})},
             with(planned({512}, false), Sides::query, 1.0f))
      .costs(512.0 * 512 * 8 * 64 * 2);
}

TEST(RelativeBias, AddsTheNumberOfTheBucketThatTheDistanceHas) {
  const Plan plan = planned({12}, false);
  RelativeBias bias = seven_buckets(plan);
  bias.by_query = Tensor::zeros({1, 1, 7});
  // Query 6 of 12 equal keys sees 4 keys in bucket 0: 6 … 3 tokens back.
  bias.by_query.data<float>()[0] = std::log(3.0f);
  const Tensor x = Tensor::zeros({12, 1, 1});
  Tensor v = Tensor::zeros({12, 1, 1});
  for (int key = 0; key < 4; ++key) v.data<float>()[key] = 1;
  const std::vector<double> y = attention(x, x, v, plan.visibility, 1.0f, bias).values();
  EXPECT_NEAR(y[6], 4 * 3.0 / (4 * 3.0 + 8), 1e-6);
}

TEST(RelativeBias, IsAddedWhereProductsAreIntegers) {
  if (!cpu_multiplies_integers()) GTEST_SKIP() << "needs AVX2 or AVX-512 with VNNI";
  const OpCase op_case{{normal({290, 4, 32}), normal({290, 2, 32}), normal({290, 2, 32}),
                        normal({290, 4, 7}), normal({1, 4, 7})},
                       with(planned({270, 20}, true), Sides::both, 0.18f)};
  set_matmul_precision(MatmulPrecision::i16);
  check_rounded(op_case, 7e-4);  // as AttentionInIntegers reasons
  set_matmul_precision(MatmulPrecision::automatic);
}

TEST(RelativeBias, IsTheSameOverPages) {
  constexpr std::int32_t kTokens = 150;
  const Plan plan = planned({kTokens}, true);
  RandomStream stream(5, "relative-bias");
  const auto random = [&](const Shape& shape) { return cast(normal(shape)(stream), DType::f32); };
  const Tensor q = random({kTokens, 4, 24}), k = random({kTokens, 2, 24});
  const Tensor v = random({kTokens, 2, 24});
  RelativeBias bias = seven_buckets(plan);
  bias.by_query = random({1, 4, 7});
  const Tensor dense = attention(q, k, v, plan.visibility, 0.3f, bias);

  Tensor pages = make_pages(8, 2, 24, DType::f32);
  std::vector<std::int32_t> rows(kTokens);
  std::iota(rows.begin(), rows.end(), 40);  // positions in pages are not positions in the text
  write_pages(pages, rows, k, v);
  Visibility shifted = plan.visibility;
  for (KeyRange& range : shifted.ranges) range = {range.begin + 40, range.end + 40};
  shifted.key_rows = 256;
  const Tensor paged = paged_attention(q, pages, shifted, 0.3f, bias);
  EXPECT_THAT(paged.values(), testing::Pointwise(testing::DoubleNear(1e-5), dense.values()));
}

TEST(RelativeBias, RefusesSidesAndPositionsThatDoNotFit) {
  const Plan plan = planned({3}, true);
  const Tensor x = Tensor::zeros({3, 2, 4});
  const auto run = [&](const RelativeBias& bias) {
    return attention(x, x, x, plan.visibility, 1.0f, bias);
  };
  RelativeBias bias = seven_buckets(plan);
  bias.by_query = Tensor::zeros({1, 2, 7});
  EXPECT_NO_THROW(run(bias));
  for (const Shape& shape : {Shape{2, 2, 7}, {1, 3, 7}, {1, 2, 6}, {2, 7}}) {
    bias.by_query = Tensor::zeros(shape);
    EXPECT_THROW(run(bias), Error) << shape.text();
  }
  bias.by_query = Tensor::zeros({3, 2, 7});
  bias.key_positions.pop_back();
  EXPECT_THROW(run(bias), Error);
  bias.buckets.clear();
  EXPECT_THROW(run(bias), Error);
}

}  // namespace
}  // namespace bantam
