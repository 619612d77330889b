// The gradient of a step must not depend on how its examples are cut into micro-batches
// (reliability R7, section 5).
#include "bantam/train/gradient_pass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "bantam/base/threads.h"
#include "bantam/tensor/ops/shape.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

std::vector<const Example*> pointers(const std::vector<Example>& examples) {
  std::vector<const Example*> all;
  for (const Example& example : examples) all.push_back(&example);
  return all;
}

// Lengths 1 … 120, one example without any target, weights that are not all 0 or 1.
std::vector<Example> grid_examples() {
  std::vector<Example> examples = random_examples(8, 2, 120);
  examples[2].weights.assign(examples[2].weights.size(), 0.0f);
  examples[4].ids.resize(1);
  examples[4].weights.resize(1);
  examples[5].weights.back() = 0.25f;
  return examples;
}

struct Pass {
  std::vector<std::vector<double>> gradients;
  double loss = 0;
};

Pass run_pass(std::span<const MicroBatch> batches, bool lora = false, bool checkpointing = false,
              DType dtype = DType::f32) {
  const auto model = tiny_model();
  for (const Parameter& parameter : model->parameters()) {
    *parameter.tensor = cast(*parameter.tensor, dtype);
  }
  if (lora) {
    model->attach(model->make_adapter("task", {.rank = 4}, 1));
    for (Parameter& p : model->adapters()[0]->parameters()) {
      // B starts at zero, and then A has no gradient: move it first.
      if (p.name.ends_with("lora_b")) {
        for (float& value : p.tensor->span<float>()) value = 0.05f;
      }
    }
  }
  model->set_gradient_checkpointing(checkpointing);
  ParameterSet parameters =
      ParameterSet::select(model->parameters(), lora ? "adapters" : "all", model->config().layers);
  parameters.make_trainable();
  const StepGradients step =
      compute_gradients(make_objective("sft"), batches, *model, ObjectiveContext{});
  Pass pass{{}, step.loss()};
  for (const Parameter& parameter : parameters.parameters()) {
    const Tensor gradient = step.gradients.of(*parameter.tensor);
    EXPECT_TRUE(gradient.defined()) << parameter.name;
    pass.gradients.push_back(gradient.defined() ? gradient.values() : std::vector<double>{});
  }
  return pass;
}

double relative_difference(const Pass& a, const Pass& b) {
  double difference = 0, norm = 0;
  for (std::size_t p = 0; p < a.gradients.size(); ++p) {
    for (std::size_t i = 0; i < a.gradients[p].size(); ++i) {
      const double d = a.gradients[p][i] - b.gradients[p][i];
      difference += d * d;
      norm += a.gradients[p][i] * a.gradients[p][i];
    }
  }
  return std::sqrt(difference / norm);
}

TEST(GradientPass, DoesNotDependOnThePartition) {
  const std::vector<Example> examples = grid_examples();
  const auto all = pointers(examples);
  for (const bool lora : {false, true}) {
    const Pass whole = run_pass(split_by_tokens(all, 1 << 20), lora);  // 8 x 1
    for (const std::int64_t size : {4, 2, 1}) {
      const Pass parts = run_pass(split_by_tokens(all, 1 << 20, size), lora);
      EXPECT_NEAR(parts.loss, whole.loss, 1e-5 * whole.loss) << size;
      EXPECT_LT(relative_difference(whole, parts), 1e-5) << "micro-batches of " << size;
    }
    const Pass packed = run_pass(split_by_tokens(all, 130), lora);
    EXPECT_NEAR(packed.loss, whole.loss, 1e-5 * whole.loss);
    EXPECT_LT(relative_difference(whole, packed), 1e-5) << "packed by tokens";
  }
}

// The grid of section 5 without its ranks: in double, rounding hides nothing.
TEST(GradientPass, DoesNotDependOnThePartitionToTenDigitsInDouble) {
  std::vector<Example> examples = random_examples(8, 2, 300);
  examples[0].ids.resize(1), examples[0].weights.resize(1);
  examples[3].weights.assign(examples[3].weights.size(),
                             0.0f);  // alone: a micro-batch of no target
  examples[5].weights.back() = 0.25f;
  const auto all = pointers(examples);
  constexpr std::int64_t kAnyLength = 1 << 20;
  const Pass whole = run_pass(split_by_tokens(all, kAnyLength), false, false, DType::f64);
  ASSERT_GT(whole.loss, 0);
  for (const std::int64_t size : {4, 3, 2, 1}) {  // 3: the last window is short
    const Pass parts = run_pass(split_by_tokens(all, kAnyLength, size), false, false, DType::f64);
    EXPECT_NEAR(parts.loss, whole.loss, 1e-10 * whole.loss) << size;
    EXPECT_LT(relative_difference(whole, parts), 1e-10) << "micro-batches of " << size;
  }
  for (const std::int64_t tokens : {301, 700}) {
    const Pass packed = run_pass(split_by_tokens(all, tokens), false, false, DType::f64);
    EXPECT_NEAR(packed.loss, whole.loss, 1e-10 * whole.loss) << tokens;
    EXPECT_LT(relative_difference(whole, packed), 1e-10) << "packed by " << tokens << " tokens";
  }
}

TEST(GradientPass, GivesTheSameBitsWithGradientCheckpointing) {
  const std::vector<Example> examples = grid_examples();
  const auto batches = split_by_tokens(pointers(examples), 150);
  for (const bool lora : {false, true}) {
    const Pass plain = run_pass(batches, lora, false), again = run_pass(batches, lora, true);
    EXPECT_EQ(plain.loss, again.loss);
    EXPECT_EQ(plain.gradients, again.gradients) << (lora ? "lora" : "all");
  }
}

TEST(GradientPass, GivesTheSameBitsTwiceAndNearlyTheSameWithOneThread) {
  const std::vector<Example> examples = grid_examples();
  const auto batches = split_by_tokens(pointers(examples), 150);
  const int before = thread_count();
  set_thread_count(2);
  const Pass two = run_pass(batches), again = run_pass(batches);
  set_thread_count(1);
  const Pass one = run_pass(batches);
  set_thread_count(before);
  EXPECT_EQ(two.gradients, again.gradients);
  EXPECT_NEAR(one.loss, two.loss, 1e-5 * one.loss);
  EXPECT_LT(relative_difference(one, two), 1e-5);
}

TEST(GradientPass, HasNothingToSayWithoutTargets) {  // D11
  std::vector<Example> examples = random_examples(2, 5, 9);
  for (Example& example : examples) example.weights.assign(example.weights.size(), 0.0f);
  const auto model = tiny_model();
  ParameterSet parameters = ParameterSet::select(model->parameters(), "all", 2);
  parameters.make_trainable();
  const StepGradients step = compute_gradients(
      make_objective("sft"), split_by_tokens(pointers(examples), 100), *model, {});
  EXPECT_EQ(step.target_weight, 0);
  EXPECT_EQ(step.loss_sum, 0);
  EXPECT_EQ(global_norm(step.gradients, parameters.parameters()), 0);
}

TEST(GradientPass, EvaluatesTheLossThatItTrains) {
  const std::vector<Example> examples = grid_examples();
  const auto model = tiny_model();
  const LossSum sum = evaluate_loss(make_objective("sft"), examples, 64, *model);
  const Pass pass = run_pass(split_by_tokens(pointers(examples), 1 << 20));
  EXPECT_NEAR(sum.mean(), pass.loss, 1e-5 * pass.loss);
  EXPECT_TRUE(std::isnan(evaluate_loss(make_objective("sft"), {}, 64, *model).mean()));
}

TEST(GradientPass, PretrainCountsEveryTokenButTheFirst) {
  std::vector<Example> examples = random_examples(3, 4, 20);
  const Objective pretrain = make_objective("pretrain");
  for (const Example& example : examples) {
    EXPECT_EQ(pretrain.target_weight(example), static_cast<double>(example.ids.size()) - 1);
  }
  const auto model = tiny_model();
  const double loss = evaluate_loss(pretrain, examples, 64, *model).mean();
  for (Example& example : examples) example.weights.assign(example.weights.size(), 1.0f);
  EXPECT_DOUBLE_EQ(loss, evaluate_loss(make_objective("sft"), examples, 64, *model).mean());
}

TEST(GradientPass, NamesAnExampleWhoseWeightsDoNotFit) {
  std::vector<Example> examples = random_examples(1, 5, 5);
  examples[0].weights.pop_back();
  const auto model = tiny_model();
  try {
    evaluate_loss(make_objective("sft"), examples, 64, *model);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("row:0"));
  }
}

TEST(GlobalNorm, NamesTheTensorThatIsNotFinite) {
  const auto model = tiny_model();
  ParameterSet parameters = ParameterSet::select(model->parameters(), "norms", 2);
  parameters.make_trainable();
  GradientStore store;
  for (const Parameter& parameter : parameters.parameters()) {
    Tensor gradient = Tensor::full(parameter.tensor->shape(), 2.0);
    if (parameter.name == "norm.weight") {
      gradient.data<float>()[3] = std::numeric_limits<float>::infinity();
    }
    store.add(parameter.tensor->variable(), gradient);
  }
  EXPECT_FALSE(std::isfinite(global_norm(store, parameters.parameters())));
  EXPECT_EQ(first_nonfinite(store, parameters.parameters()), "the gradient of norm.weight");
}

TEST(ClipFactor, ScalesOnlyLargerNorms) {
  EXPECT_EQ(clip_factor(0.5, 1), 1);
  EXPECT_NEAR(clip_factor(4, 1), 0.25, 1e-6);
  EXPECT_EQ(clip_factor(1e9, 0), 1);
}

}  // namespace
}  // namespace bantam
