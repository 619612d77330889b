#include "bantam/tensor/ops/attention.h"

#include <gmock/gmock.h>

#include <cmath>

#include "bantam/base/threads.h"
#include "bantam/tensor/allocator.h"
#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;

// The last of `keys` keys belongs to the last query: with more keys than queries the first ones are
// a cached prefix.
Visibility causal(std::int32_t queries, std::int32_t keys) {
  Visibility plan;
  plan.key_rows = keys;
  for (std::int32_t t = 0; t < queries; ++t) plan.push({{0, keys - queries + t + 1}});
  return plan;
}

Visibility packed(std::initializer_list<std::int32_t> lengths) {
  Visibility plan;
  for (const std::int32_t length : lengths) {
    const std::int32_t begin = plan.key_rows;
    for (std::int32_t t = 0; t < length; ++t) plan.push({{begin, begin + t + 1}});
    plan.key_rows += length;
  }
  return plan;
}

Visibility windowed(std::int32_t queries, std::int32_t window) {
  Visibility plan;
  plan.key_rows = queries;
  for (std::int32_t t = 0; t < queries; ++t) plan.push({{std::max(0, t + 1 - window), t + 1}});
  return plan;
}

// A shared prefix, a branch of its own, and the query itself; every fourth query sees nothing.
Visibility branching(std::int32_t queries) {
  Visibility plan;
  plan.key_rows = queries;
  for (std::int32_t t = 0; t < queries; ++t) {
    if (t % 4 == 3) {
      plan.push({});
    } else if (t > 12) {
      plan.push({{0, 5}, {6 + t % 3, 9}, {t, t + 1}});
    } else {
      plan.push({{0, t / 2 + 1}});
    }
  }
  return plan;
}

// All before but a gap that is never in the same place; every fourth query sees nothing.
Visibility gapped(std::int32_t queries) {
  Visibility plan;
  plan.key_rows = queries;
  for (std::int32_t t = 0; t < queries; ++t) {
    if (t % 4 == 3) {
      plan.push({});
    } else {
      plan.push({{0, t / 2 + 1}, {std::min(t / 2 + 2 + t % 5, t + 1), t + 1}});
    }
  }
  return plan;
}

auto with(Visibility plan, ScoreForm form = 0.3f) {
  return [plan = std::move(plan), form](const Tensor& q, const Tensor& k, const Tensor& v) {
    return attention(q, k, v, plan, form);
  };
}

OP_CASES(attention) {
  const auto add = [&](Visibility plan, std::int64_t heads, std::int64_t groups,
                       std::int64_t width) -> OpCase& {
    const std::int64_t queries = plan.queries(), keys = plan.key_rows;
    return yield({normal({queries, heads, width}), normal({keys, groups, width}),
                  normal({keys, groups, width})},
                 with(std::move(plan)));
  };
  for (const std::int32_t n : {1, 2, 3, 5, 17, 31, 65}) add(causal(n, n), 3, 1, 16);
  for (const std::int64_t width : {1, 3, 8, 17, 48, 80}) add(causal(7, 7), 2, 2, width);
  for (const std::int64_t heads : {1, 2, 4, 5, 8}) add(causal(9, 9), heads, 1, 16);
  add(causal(20, 20), 9, 3, 64);
  add(causal(3, 70), 4, 2, 16);
  add(packed({5, 1, 20, 3, 18}), 3, 3, 16);
  add(packed({1, 1, 1, 1}), 6, 2, 16);
  add(windowed(40, 7), 3, 1, 16);
  add(branching(30), 4, 2, 16);
  add(causal(70, 75), 2, 1, 16);
  add(causal(1, 1100), 2, 1, 16);
  add(windowed(2, 1), 1, 1, 16);
  for (Visibility plan : {causal(9, 70), windowed(20, 7), branching(30)}) {
    const std::int64_t queries = plan.queries(), keys = plan.key_rows;
    yield({normal({queries, 4, 16}), normal({keys, 2, 16}), normal({keys, 2, 16})},
          with(std::move(plan), {0.7f, 2.5f}));  // scores of 3 and more come close to the cap
  }
  yield({normal({6, 2, 16}, 3), normal({6, 1, 16}, 3), normal({6, 1, 16})}, with(causal(6, 6)))
      .within(1e-6, 1e-4, "sharp rows: probabilities near 1 leave differences of rounding size");
  yield({normal({2, 5, 16}), normal({5, 1, 16}), normal({5, 1, 16})},
        [plan = causal(5, 5)](const Tensor& q, const Tensor& k, const Tensor& v) {
          return attention(transpose(q, 0, 1), k, v, plan, 0.25f);
        });
  const auto timed = [&](Visibility plan) {
    double pairs = 0;
    for (const KeyRange& range : plan.ranges) pairs += range.end - range.begin;
    const std::int64_t queries = plan.queries(), keys = plan.key_rows;
    yield
        .timed({normal({queries, 9, 64}), normal({keys, 3, 64}), normal({keys, 3, 64})},
               with(std::move(plan), 0.125f))
        .costs(pairs * 9 * 64 * 2);
  };
  timed(causal(512, 512));
  timed(causal(2048, 2048));
  timed(packed({100, 100, 100, 100, 100, 100}));
  timed(causal(1, 8000));
}

TEST(AttentionOverPlans, GivesZerosAndNoGradientWhereAQueryOrKeyIsUnseen) {
  for (const bool composed : {false, true}) {
    const auto op = [composed](Inputs in) {
      Visibility plan = causal(3, 4);
      plan.first[3] = plan.first[2];  // the last query sees nothing, so the last key is unseen
      plan.ranges.pop_back();
      return composed ? attention_composed(in[0], in[1], in[2], plan, 1.0f)
                      : attention(in[0], in[1], in[2], plan, 1.0f);
    };
    const OpCase op_case{{normal({3, 1, 16}), normal({4, 1, 16}), normal({4, 1, 16})}, op};
    const Evaluation result = evaluate(op_case, make_inputs(op_case, DType::f32));
    const auto row = [](const Tensor& x, std::size_t r) {
      const std::vector<double> all = x.values();
      return std::vector(all.begin() + r * 16, all.begin() + (r + 1) * 16);
    };
    EXPECT_THAT(row(result.output, 2), testing::Each(0.0));
    EXPECT_THAT(row(result.gradients[0], 2), testing::Each(0.0));
    EXPECT_THAT(row(result.gradients[1], 3), testing::Each(0.0));
    EXPECT_THAT(row(result.gradients[2], 3), testing::Each(0.0));
    EXPECT_THAT(row(result.gradients[2], 2), testing::Contains(testing::Ne(0.0)));
  }
}

TEST(AttentionOverPlans, StaysFiniteWithScoresOfTenThousand) {
  const OpCase op_case{
      {uniform({6, 2, 16}, -100, 100), uniform({6, 1, 16}, -100, 100), normal({6, 1, 16})},
      [](Inputs in) { return attention(in[0], in[1], in[2], causal(6, 6), 0.3f); }};
  const Evaluation f32 = evaluate(op_case, make_inputs(op_case, DType::f32));
  const Evaluation f64 = evaluate(op_case, make_inputs(op_case, DType::f64));
  EXPECT_THAT(f32.output.values(),
              testing::Pointwise(testing::DoubleNear(1e-5), f64.output.values()));
  for (const Tensor& gradient : f32.gradients) EXPECT_TRUE(all_finite(gradient));
}

TEST(AttentionOverPlans, PassesNanOn) {
  Tensor k = Tensor::full({4, 1, 16}, 0.5);
  k.data<float>()[2 * 16] = NAN;
  const Tensor q = Tensor::full({4, 1, 16}, 1.0);
  const std::vector<double> y = attention(q, k, q, causal(4, 4), 1.0f).values();
  EXPECT_FALSE(std::isnan(y[1 * 16]));
  EXPECT_TRUE(std::isnan(y[2 * 16]));
  EXPECT_TRUE(std::isnan(y[3 * 16]));
}

TEST(AttentionOverPlans, KeepsNoMatrixOfScores) {
  constexpr std::int32_t kTokens = 2048;
  const Tensor q = Tensor::full({kTokens, 1, 16}, 0.1).as_variable();
  const Tensor k = Tensor::full({kTokens, 1, 16}, 0.2).as_variable();
  release_cached_tensor_memory();
  reset_tensor_memory_peak();
  const std::uint64_t before = tensor_memory().current;
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = attention(q, k, k, causal(kTokens, kTokens), 1.0f);
  }
  GradientStore store;
  tape.backward(y, store);
  // One f32 matrix of scores would take 16 MiB; operands take 128 KiB each.
  EXPECT_LT(tensor_memory().peak - before, 4u << 20);
}

// Attention of many queries is formed in integers with precision i16; with bf16, on a CPU with AMX,
// in tiles.
class RoundedAttention : public testing::TestWithParam<MatmulPrecision> {
 protected:
  void SetUp() override {
    const bool can = by_tiles() ? cpu::has_amx() : cpu_multiplies_integers();
    if (!can) GTEST_SKIP() << "needs " << (by_tiles() ? "AMX" : "AVX2 or AVX-512 with VNNI");
    set_matmul_precision(GetParam());
  }
  void TearDown() override { set_matmul_precision(MatmulPrecision::automatic); }

  static bool by_tiles() { return GetParam() == MatmulPrecision::bf16; }
  static OpCase case_of(Visibility plan, std::int64_t heads, std::int64_t groups,
                        std::int64_t width, ScoreForm form, double size = 1) {
    const std::int64_t queries = plan.queries(), keys = plan.key_rows;
    return {{normal({queries, heads, width}, size), normal({keys, groups, width}, size),
             normal({keys, groups, width})},
            [op = with(std::move(plan), form)](Inputs in) { return op(in[0], in[1], in[2]); }};
  }
};
INSTANTIATE_TEST_SUITE_P(Attention, RoundedAttention,
                         testing::Values(MatmulPrecision::i16, MatmulPrecision::bf16),
                         [](const auto& info) { return std::string(name_of(info.param)); });

// Levels of 13 bits leave 2^-14 of the largest of a row, which is some three times the size of the
// others, and scores of size 4 raise what they are off by as much: 2^-14 * 3 * 4 is 7e-4. bf16
// leaves 2^-9 of each number, times 4 that is 8e-3.
TEST_P(RoundedAttention, AgreesWithDouble) {
  const std::vector<OpCase> cases{
      case_of(causal(65, 265), 3, 1, 16, 0.25f),
      case_of(causal(250, 250), 9, 3, 64, 0.125f),
      case_of(causal(100, 175), 5, 1, 80, 0.11f),
      case_of(causal(70, 170), 2, 2, 17, 0.25f),
      case_of(packed({33, 1, 270, 3, 190}), 3, 3, 48, 0.15f),
      case_of(windowed(340, 107), 4, 2, 16, 0.25f),
      case_of(gapped(300), 4, 2, 16, 0.25f),
      case_of(causal(80, 180), 4, 2, 32, {0.7f, 2.5f}),
      case_of(causal(64, 164), 2, 1, 256, 0.0625f),
      case_of(causal(90, 190), 2, 1, 32, 0.177f, 2),
      case_of(causal(300, 310), 2, 1, 64, 0.125f),
      case_of(packed({260, 190, 64, 5, 200}), 6, 2, 32, 0.18f),
      case_of(windowed(340, 107), 4, 2, 32, 0.18f),
      case_of(gapped(300), 4, 2, 32, 0.18f),
      case_of(causal(64, 164), 4, 1, 128, 0.09f),
  };
  for (const OpCase& op_case : cases) {
    SCOPED_TRACE(&op_case - cases.data());
    check_rounded(op_case, by_tiles() ? 8e-3 : 7e-4);
  }
}

// Each row has a scale of its own, so what is small beside its neighbors stays as exact.
TEST_P(RoundedAttention, KeepsSmallRowsExact) {
  const double exact = by_tiles() ? std::ldexp(1, -9) : 2e-4;
  constexpr std::int32_t kTokens = 196;
  const OpCase op_case = case_of(causal(kTokens, kTokens), 3, 1, 32, 0.18f);
  std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
  float* values = inputs[2].data<float>();
  // The first output is the first value, whatever comes later.
  for (int e = 0; e < 32; ++e) values[e] *= 1e-6f;
  const std::vector<double> output = op_case.op(inputs).values();
  for (int e = 0; e < 32; ++e) EXPECT_NEAR(output[e], values[e], exact * 3e-6) << e;
}

TEST_P(RoundedAttention, BitsDoNotDependOnTheThreads) {
  const OpCase op_case = case_of(causal(300, 300), 6, 2, 32, 0.18f);
  const std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
  const int threads = thread_count();
  set_thread_count(1);
  const Evaluation alone = evaluate(op_case, inputs);
  for (const int more : {2, 3}) {
    set_thread_count(more);
    const Evaluation together = evaluate(op_case, inputs);
    EXPECT_EQ(together.output.values(), alone.output.values()) << more;
    for (std::size_t i = 0; i < alone.gradients.size(); ++i) {
      EXPECT_EQ(together.gradients[i].values(), alone.gradients[i].values()) << more;
    }
  }
  set_thread_count(threads);
}

// Not a bit of an output depends on a later key or value, even, in integers, one that is not a
// number.
TEST_P(RoundedAttention, SeesNothingOfLaterTokens) {
  constexpr std::int32_t kTokens = 200, kFirstBad = 71;
  const OpCase op_case = case_of(causal(kTokens, kTokens), 3, 1, 32, 0.18f);
  std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
  const std::vector<double> before = op_case.op(inputs).values();
  for (Tensor* x : {&inputs[1], &inputs[2]}) {
    std::fill(x->data<float>() + kFirstBad * 32, x->data<float>() + kTokens * 32,
              by_tiles() ? 1e3f : NAN);
  }
  const std::vector<double> after = op_case.op(inputs).values();
  const std::int64_t seen = kFirstBad * 3 * 32;
  for (std::int64_t i = 0; i < seen; ++i) ASSERT_EQ(before[i], after[i]) << i;
  for (std::int64_t i = seen; i < std::ssize(after); ++i) {
    ASSERT_TRUE(by_tiles() ? after[i] != before[i] : std::isnan(after[i])) << i;
  }
}

TEST_P(RoundedAttention, PassesNanOn) {
  constexpr std::int32_t kTokens = 200, kFirstBad = 128;
  const OpCase op_case = case_of(causal(kTokens, kTokens), 3, 1, 32, 0.18f);
  for (const std::size_t input : {0u, 1u, 2u}) {
    std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
    const std::int64_t of_token = inputs[input].size(1) * 32;
    inputs[input].data<float>()[kFirstBad * of_token] = NAN;
    const std::vector<double> output = op_case.op(inputs).values();
    EXPECT_FALSE(std::isnan(output[(kFirstBad - 1) * 3 * 32])) << input;
    EXPECT_TRUE(std::isnan(output[kFirstBad * 3 * 32])) << input;
    // A query that is no number spoils its own output alone.
    EXPECT_EQ(std::isnan(output[(kTokens - 1) * 3 * 32]), input != 0) << input;
  }
}

// Where scores climb by far more than weights may lie above each other, what was summed becomes
// relative to larger ones.
TEST_P(RoundedAttention, LaterKeysMayHaveFarLargerScores) {
  constexpr std::int32_t kTokens = 256;
  // The first feature of queries and keys, exact in bf16 as their product is.
  std::vector<double> climb(kTokens * 32), size(kTokens * 2 * 32), others(32, 1.0);
  for (std::size_t key = 0; key < kTokens; ++key) climb[key * 32] = static_cast<double>(key / 32);
  for (std::size_t row = 0; row < kTokens * 2; ++row) size[row * 32] = 24;
  others[0] = 0;
  const auto with_first = [](const Tensor& x, const std::vector<double>& first,
                             const std::vector<double>& of_others) {
    const Tensor rest = cast(Tensor::from(of_others, {32}), x.dtype());
    return add(multiply(x, rest), cast(Tensor::from(first, x.shape()), x.dtype()));
  };
  OpCase op_case = case_of(causal(kTokens, kTokens), 2, 1, 32, 1.0f, 0.25);
  op_case.op = [=, op = op_case.op](Inputs in) {
    const Tensor moved[] = {with_first(in[0], size, others), with_first(in[1], climb, others),
                            in[2]};
    return op(moved);
  };
  // Levels of rows whose largest is 24 leave 2^-14 of a score of 168.
  check_rounded(op_case, 1e-2);
}

TEST(AttentionOverPlans, RefusesAPlanForOtherShapes) {
  const Tensor x = Tensor::zeros({3, 2, 4});
  EXPECT_THROW(attention(x, x, x, causal(4, 4), 1.0f), Error);
  EXPECT_THROW(attention(x, Tensor::zeros({3, 3, 4}), Tensor::zeros({3, 3, 4}), causal(3, 3), 1.0f),
               Error);
  Visibility beyond = causal(3, 3);
  beyond.ranges[1].end = 9;
  EXPECT_THROW(attention(x, x, x, beyond, 1.0f), Error);
}

}  // namespace
}  // namespace bantam
