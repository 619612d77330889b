#include "bantam/train/training_memory.h"

#include <gtest/gtest.h>

#include "bantam/train/gradient_pass.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

TEST(TrainingMemory, ForetellsWhatAPassKeeps) {
  std::vector<Example> examples = random_examples(16, 60, 60);
  std::vector<const Example*> all;
  for (const Example& example : examples) all.push_back(&example);
  const auto batches = split_by_tokens(all, 1 << 20);
  const auto model = tiny_model("untied");
  ParameterSet parameters = ParameterSet::select(model->parameters(), "all", 3);
  TrainOptions options;
  options.micro_batch_tokens = 16 * 59;  // the last token of an example is only a target
  const TrainingMemory estimate = estimate_training_memory(*model, parameters, options, 60);
  EXPECT_EQ(estimate.frozen, 0u);
  EXPECT_EQ(estimate.optimizer, 2 * estimate.trained);
  parameters.make_trainable();
  const std::uint64_t before = tensor_memory().current;
  reset_tensor_memory_peak();
  { compute_gradients(make_objective("sft"), batches, *model, {}); }
  const auto used = static_cast<double>(tensor_memory().peak - before);
  const auto foretold = static_cast<double>(estimate.activations);
  // Of five layers' values foretold, one is for factors of large products, which there are none of.
  EXPECT_GT(used, 0.7 * foretold);
  EXPECT_LT(used, 1.1 * foretold);
}

TEST(TrainingMemory, OfAnAdapterLeavesTheModelAsItLies) {
  const auto model = tiny_model();
  const auto adapter = model->make_adapter("task", {.rank = 4}, 1);
  model->attach(adapter);
  const ParameterSet parameters = ParameterSet::select(model->parameters(), "adapters", 2);
  TrainOptions options;
  options.gradient_checkpointing = true;
  const TrainingMemory with = estimate_training_memory(*model, parameters, options, 1);
  options.gradient_checkpointing = false;
  const TrainingMemory without = estimate_training_memory(*model, parameters, options, 1);
  EXPECT_EQ(with.trained, 4u * static_cast<std::uint64_t>(parameters.element_count()));
  EXPECT_GT(with.frozen, with.trained);
  EXPECT_LT(with.activations, without.activations);
}

}  // namespace
}  // namespace bantam
