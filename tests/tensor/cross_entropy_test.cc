#include "bantam/tensor/ops/cross_entropy.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

using namespace op_tests;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> mixed_weights(std::int64_t count) {
  std::vector<float> weights;
  for (std::int64_t t = 0; t < count; ++t) weights.push_back(t % 3 == 1 ? 0.0f : 0.5f + 0.25f * t);
  return weights;
}

OP_CASES(cross_entropy) {
  for (const std::int64_t v : {1, 2, 7, 16, 17, 33, 129, 257})
    yield({normal({5, v}, 2), ids(5, v), constant(mixed_weights(5))}, cross_entropy);
  yield({uniform({4, 33}, -1e4, 1e4), ids(4, 33), constant({1, 1, 0, 2})}, cross_entropy);
  yield({normal({3, 5}), ids(3, 5), constant({0, 0, 0})}, cross_entropy);
  yield({normal({0, 5}), exact_ids({}), constant({})}, cross_entropy);
  yield({normal({7, 4}), ids(4, 7), constant({1, 0, 1, 1})},
        [](const Tensor& x, const Tensor& targets, const Tensor& weights) {
          return cross_entropy(transpose(x, 0, 1), targets, weights);
        });
  yield
      .timed({normal({64, 49152}), ids(64, 49152), constant(std::vector<float>(64, 1))},
             cross_entropy)
      .costs(64.0 * 49152);
}

Tensor loss_of(Inputs in) { return linear_cross_entropy(in[0], in[1], in[2], in[3]); }

Tensor loss_in_chunks(Inputs in) {
  const LogitsAtOnce fewest(1);  // 64 rows
  return loss_of(in);
}

OP_CASES(linear_cross_entropy) {
  // Fewer, as many and more rows with weight than a chunk of 64 holds.
  for (const std::int64_t t : {1, 3, 95, 96, 97, 200}) {
    yield({normal({t, 9}), normal({31, 9}), ids(t, 31), constant(mixed_weights(t))}, loss_of);
    yield({normal({t, 9}), normal({31, 9}), ids(t, 31), constant(mixed_weights(t))},
          loss_in_chunks);
  }
  yield({normal({5, 1}), normal({1, 1}), ids(5, 1), constant(mixed_weights(5))}, loss_of);
  yield({normal({3, 9}), normal({5, 9}), ids(3, 5), constant({0, 0, 0})}, loss_of);
  yield({normal({0, 9}), normal({5, 9}), exact_ids({}), constant({})}, loss_of);
  yield({normal({3, 8}, 60), normal({40, 8}, 60), ids(3, 40), constant({1, 1, 1})}, loss_of);
  yield({normal({9, 6}), normal({17, 9}), ids(6, 17), constant(mixed_weights(6))}, [](Inputs in) {
    return linear_cross_entropy(transpose(in[0], 0, 1), in[1], in[2], in[3]);
  });
  // A tied table, looked up and used as head: its gradients add.
  yield({normal({31, 9}), ids(70, 31), ids(70, 31), constant(mixed_weights(70))}, [](Inputs in) {
    return linear_cross_entropy(embedding(in[0], in[1]), in[0], in[2], in[3]);
  });
  for (const ScoreForm form : {ScoreForm(0.25f), ScoreForm(1, 4), ScoreForm(0.5f, 3)}) {
    yield({normal({70, 9}), normal({31, 9}), ids(70, 31), constant(mixed_weights(70))},
          [form](Inputs in) {
            return linear_cross_entropy(in[0], in[1], in[2], in[3], nullptr, form);
          });
  }
  // Over a quantized head the gradient goes to the hidden states.
  yield(
      {normal({70, 64}), encoded({33, 64}, DType::q4_0), ids(70, 33), constant(mixed_weights(70))},
      loss_of);
  yield(
      {normal({20, 64}), encoded({33, 64}, DType::bf16), ids(20, 33), constant(mixed_weights(20))},
      loss_of);
  yield
      .timed({normal({128, 576}), encoded({49152, 576}, DType::q8_0), ids(128, 49152),
              constant(std::vector<float>(128, 1))},
             loss_of)
      .costs(128.0 * 576 * 49152);
  yield
      .timed({normal({128, 576}), normal({49152, 576}), ids(128, 49152),
              constant(std::vector<float>(128, 1))},
             loss_of)
      .costs(128.0 * 576 * 49152);
}

struct Problem {
  Tensor hidden, head, targets, weights;
};

Problem problem(std::int64_t tokens, DType dtype) {
  RandomStream stream(4, "cross-entropy-test");
  return {cast(normal({tokens, 16})(stream), dtype), cast(normal({50, 16})(stream), dtype),
          ids(tokens, 50)(stream), constant(mixed_weights(tokens))(stream)};
}

TEST(LinearCrossEntropy, EqualsItsComposition) {
  const Problem p = problem(150, DType::f64);
  EXPECT_NEAR(linear_cross_entropy(p.hidden, p.head, p.targets, p.weights).item(),
              linear_cross_entropy_composed(p.hidden, p.head, p.targets, p.weights).item(), 1e-9);
}

TEST(LinearCrossEntropy, ReportsTheUnweightedLossOfEachToken) {
  const Problem p = problem(70, DType::f32);
  Tensor losses;
  const double total = linear_cross_entropy(p.hidden, p.head, p.targets, p.weights, &losses).item();
  ASSERT_EQ(losses.shape(), Shape{70});
  double sum = 0;
  for (std::size_t t = 0; t < 70; ++t) {
    const float weight = p.weights.span<float>()[t], loss = losses.span<float>()[t];
    EXPECT_EQ(loss == 0, weight == 0) << t;
    sum += static_cast<double>(weight) * loss;
  }
  EXPECT_NEAR(sum / total, 1.0, 1e-6);
}

TEST(LinearCrossEntropy, LooksAtNoTargetWhoseWeightIsZero) {
  Problem p = problem(4, DType::f32);
  p.targets.span<std::int32_t>()[1] = -100;  // weight 0
  EXPECT_TRUE(std::isfinite(linear_cross_entropy(p.hidden, p.head, p.targets, p.weights).item()));
  p.targets.span<std::int32_t>()[2] = 50;
  try {
    linear_cross_entropy(p.hidden, p.head, p.targets, p.weights);
    FAIL() << "a target outside the vocabulary was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(std::string(error.what()), HasSubstr("target 50 at position 2 is outside 0 … 49"));
  }
}

TEST(LinearCrossEntropy, NeverHoldsTheLogitsOfAllRows) {
  constexpr std::int64_t kTokens = 2048, kVocabulary = 65536;
  const Tensor hidden = Tensor::zeros({kTokens, 8}).as_variable();
  const Tensor head = Tensor::zeros({kVocabulary, 8});
  const Tensor targets = Tensor::zeros({kTokens}, DType::i32), weights = Tensor::full({kTokens}, 1);
  Tape tape;
  const Tape::Recording recording(tape);
  reset_tensor_memory_peak();
  const std::uint64_t before = tensor_memory().current;
  const Tensor loss = linear_cross_entropy(hidden, head, targets, weights);
  const std::uint64_t logits = kTokens * kVocabulary * sizeof(float);
  EXPECT_LT(tensor_memory().peak - before, logits / 4);  // 342 of 2,048 rows, and room to spare
  EXPECT_NEAR(loss.item(), kTokens * std::log(65536.0), 1e-1);
}

// A feature that is 1 in all rows makes its column of the head's gradient the sum over tokens of
// the logits' gradients: the probabilities, less one for each target.
TEST(LinearCrossEntropy, KeepsTheProbabilitiesBesideTargetsInProductsOfBytes) {
  const RoundActivations rounded;
  if (gradient_precision() != MatmulPrecision::i8) GTEST_SKIP() << "gradients are not in bytes";
  constexpr std::int64_t kTokens = 256, kVocabulary = 2000, kWidth = 128, kTargets = 40;
  RandomStream stream(4, "bytes-beside-targets");
  Tensor hidden = normal({kTokens, kWidth}, 0.1)(stream);
  for (std::int64_t t = 0; t < kTokens; ++t) hidden.span<double>()[t * kWidth] = 1;
  const Tensor head = normal({kVocabulary, kWidth})(stream);
  const Tensor targets = ids(kTokens, kTargets)(stream), weights = Tensor::full({kTokens}, 1);
  const auto sums_of = [&](DType dtype) {
    const Tensor h = cast(hidden, dtype).as_variable(), w = cast(head, dtype).as_variable();
    Tape tape;
    const Tape::Recording recording(tape);
    GradientStore store;
    tape.backward(linear_cross_entropy(h, w, targets, weights), store);
    return slice(store.of(w), 1, 0, 1).values();
  };
  const std::vector<double> found = sums_of(DType::f32), exact = sums_of(DType::f64);
  std::vector<double> probabilities = exact;
  for (const std::int32_t target : targets.span<std::int32_t>()) probabilities[target] += 1;
  double error = 0, sum = 0;
  for (std::int64_t v = 0; v < kTargets; ++v) {
    error += std::abs(found[v] - exact[v]), sum += probabilities[v];
  }
  // Together with the targets these probabilities, a two-thousandth each, round to nothing.
  EXPECT_LT(error / sum, 0.02);
}

TEST(LinearCrossEntropy, RefusesAGradientToAQuantizedHead) {
  Tape tape;
  const Tape::Recording recording(tape);
  RandomStream stream(1, "cross-entropy-test");
  const Tensor head = encoded({4, 32}, DType::q8_0)(stream).as_variable();
  EXPECT_THROW(linear_cross_entropy(Tensor::zeros({1, 32}), head, exact_ids({0})(stream),
                                    constant({1})(stream)),
               Error);
}

TEST(CrossEntropy, HasNoGradientForItsWeightsAndSaysSo) {
  Tape tape;
  const Tape::Recording recording(tape);
  RandomStream stream(1, "cross-entropy-test");
  EXPECT_THROW(cross_entropy(Tensor::zeros({1, 4}), exact_ids({0})(stream),
                             constant({1})(stream).as_variable()),
               Error);
}

TEST(CrossEntropy, IsLogVForEqualLogitsAndWeighsRows) {
  RandomStream stream(1, "cross-entropy-test");
  const double loss =
      cross_entropy(Tensor::zeros({2, 10}), exact_ids({3, 9})(stream), constant({1, 0.5})(stream))
          .item();
  EXPECT_NEAR(loss, 1.5 * std::log(10.0), 1e-6);
}

}  // namespace
}  // namespace bantam
