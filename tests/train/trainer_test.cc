#include "bantam/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <limits>

#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

using testing::HasSubstr;

TrainOptions short_run(std::int64_t steps) {
  TrainOptions options;
  options.batch = 4;
  options.learning_rate = 3e-3;
  options.length.steps = steps;
  return options;
}

// A model with its adapter or its own weights to train, and a trainer over them.
struct Bench {
  std::unique_ptr<CausalLM> model = tiny_model();
  std::vector<Example> train = random_examples(10, 4, 24, 1), dev = random_examples(4, 4, 24, 2);
  ParameterSet parameters() {
    return ParameterSet::select(model->parameters(), "all", model->config().layers);
  }
  std::vector<std::vector<double>> values() {
    std::vector<std::vector<double>> all;
    for (const Parameter& parameter : model->parameters())
      all.push_back(parameter.tensor->values());
    return all;
  }
};

std::vector<Json> lines_of(const Path& log) {
  std::vector<Json> lines;
  const std::string text = read_file(log);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(parse_json(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

TEST(Trainer, MovesEveryTrainableParameterAndLowersTheLoss) {
  Bench bench;
  const auto before = bench.values();
  Trainer trainer(*bench.model, bench.parameters(), {bench.train, {}}, short_run(30));
  const double loss_before =
      evaluate_loss(make_objective("sft"), bench.train, 256, *bench.model).mean();
  const TrainResult result = trainer.run();
  EXPECT_EQ(result.steps, 30);
  EXPECT_LT(result.loss, 0.7 * loss_before);
  EXPECT_GT(result.tokens, 0);
  const auto after = bench.values();
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_NE(before[i], after[i]) << bench.model->parameters()[i].name;
  }
}

TEST(Trainer, TrainsAdaptersAndLeavesTheModelAlone) {
  Bench bench;
  bench.model->attach(bench.model->make_adapter("task", {.rank = 2}, 7));
  ParameterSet parameters = ParameterSet::select(bench.model->parameters(), "adapters", 2);
  const auto before = bench.values();
  Trainer(*bench.model, parameters, {bench.train, {}}, short_run(5)).run();
  const auto after = bench.values();
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Parameter parameter = bench.model->parameters()[i];
    EXPECT_EQ(before[i] != after[i], parameter.role == ParameterRole::adapter) << parameter.name;
  }
}

TEST(Trainer, LossesOfFiftyStepsDoNotDependOnThePartition) {
  const auto curve = [](std::int64_t most_examples) {
    Bench bench;
    TrainOptions options = short_run(50);  // windows of 4, 4 and 2: the last of an epoch is short
    options.micro_batch_examples = most_examples;
    bench.train[3].weights.assign(bench.train[3].weights.size(), 0.0f);
    const TemporaryFolder folder;
    Trainer(*bench.model, bench.parameters(), {bench.train, {}}, options, {}, folder.path()).run();
    std::vector<double> losses;
    for (const Json& line : lines_of(folder.path() / "log.jsonl")) losses.push_back(line["loss"]);
    return losses;
  };
  const auto whole = curve(0), halves = curve(2), single = curve(1);
  ASSERT_EQ(whole.size(), 50u);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_NEAR(halves[i], whole[i], 1e-4 * whole[i]) << i;
    EXPECT_NEAR(single[i], whole[i], 1e-4 * whole[i]) << i;
  }
}

TEST(Trainer, SkipsAStepWithoutAnyTargetAndCountsIt) {  // D11
  Bench bench;
  bench.train[4].weights.assign(bench.train[4].weights.size(), 0.0f);
  TrainOptions options = short_run(10);
  options.batch = 1;
  NoteKeeper notes;
  const TrainResult result =
      Trainer(*bench.model, bench.parameters(), {bench.train, {}}, options, {.progress = &notes})
          .run();
  EXPECT_EQ(result.empty_steps, 1);
  EXPECT_EQ(result.nonfinite_steps, 0);
  EXPECT_TRUE(notes.has("row:4"));
}

TEST(Trainer, RefusesDataWithoutATarget) {  // D2
  Bench bench;
  for (Example& example : bench.train) example.weights.assign(example.weights.size(), 0.0f);
  EXPECT_THROW(Trainer(*bench.model, bench.parameters(), {bench.train, {}}, short_run(5)), Error);
  EXPECT_THROW(Trainer(*bench.model, bench.parameters(), {{}, {}}, short_run(5)), Error);  // D1
}

TEST(Trainer, TrainsOnASingleExample) {  // D2, D15
  Bench bench;
  bench.train.resize(1);
  const TrainResult result =
      Trainer(*bench.model, bench.parameters(), {bench.train, {}}, short_run(8)).run();
  EXPECT_EQ(result.steps, 8);
  EXPECT_TRUE(std::isfinite(result.loss));
}

// Poisons one weight of the final norm during the given steps, as a broken kernel would.
struct Poison {
  Bench& bench;
  float value;
  float kept = 0;
  Tensor& norm() {
    for (Parameter& parameter : parameters) {
      if (parameter.name == "norm.weight") return *parameter.tensor;
    }
    throw internal_error("no norm");
  }
  std::vector<Parameter> parameters = bench.model->parameters();
  void put() { kept = std::exchange(norm().data<float>()[5], value); }
  void take() { norm().data<float>()[5] = kept; }
};

class TrainerNonfinite : public testing::TestWithParam<float> {};

TEST_P(TrainerNonfinite, SkipsTheStepWithoutTouchingAWeight) {  // R8
  Bench bench;
  Poison poison{bench, GetParam()};
  std::vector<std::vector<double>> before, after;
  TrainHooks hooks;
  NoteKeeper notes;
  hooks.progress = &notes;
  hooks.at_point = [&](std::string_view point, std::int64_t step) {
    const bool begins = point == "first-of-epoch";  // every step is one: the batch is the data
    if (begins && step == 3) before = bench.values(), poison.put();
    if (begins && step == 4) poison.take(), after = bench.values();
  };
  TrainOptions options = short_run(6);
  options.batch = 10;
  const TrainResult result =
      Trainer(*bench.model, bench.parameters(), {bench.train, {}}, options, hooks).run();
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(before, after);
  EXPECT_EQ(result.nonfinite_steps, 1);
  EXPECT_EQ(result.steps, 6);
  EXPECT_TRUE(notes.has("row:"));
  EXPECT_TRUE(std::isfinite(result.loss));
}

TEST_P(TrainerNonfinite, StopsAfterThreeInARowAndCommitsNothing) {  // N1
  Bench bench;
  Poison poison{bench, GetParam()};
  TrainHooks hooks;
  hooks.at_point = [&](std::string_view point, std::int64_t step) {
    if (point == "first-of-epoch" && step == 2) poison.put();
  };
  TrainOptions options = short_run(9);
  options.batch = 10;
  options.checkpoints.checkpoint_every = 1;
  const TemporaryFolder folder;
  Trainer trainer(*bench.model, bench.parameters(), {bench.train, {}}, options, hooks,
                  folder.path());
  try {
    trainer.run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::diverged);
    EXPECT_THAT(error.what(), HasSubstr("norm.weight"));  // N3: found at the save after step 3
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "checkpoint-000002"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "checkpoint-000003"));
}

INSTANTIATE_TEST_SUITE_P(Values, TrainerNonfinite,
                         testing::Values(std::numeric_limits<float>::quiet_NaN(),
                                         std::numeric_limits<float>::infinity(),
                                         -std::numeric_limits<float>::infinity()));

TEST(Trainer, NamesStepTensorAndExamplesWhenItDiverges) {
  Bench bench;
  Poison poison{bench, std::numeric_limits<float>::quiet_NaN()};
  TrainHooks hooks;
  hooks.at_point = [&](std::string_view point, std::int64_t step) {
    if (point == "first-of-epoch" && step == 1) poison.put();
  };
  TrainOptions options = short_run(9);
  options.batch = 10;
  try {
    Trainer(*bench.model, bench.parameters(), {bench.train, {}}, options, hooks).run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 5);
    EXPECT_THAT(error.what(),
                testing::AllOf(HasSubstr("step 4"), HasSubstr("the loss"), HasSubstr("row:")));
  }
}

TEST(Trainer, KeepsTheWeightsOfTheBestEvaluation) {
  Bench bench;
  std::map<std::int64_t, std::vector<std::vector<double>>> seen;
  TrainHooks hooks;
  hooks.evaluate = [&](std::int64_t step) {
    seen[step] = bench.values();
    return step == 4 ? 0.9 : 0.5;
  };
  TrainOptions options = short_run(8);
  options.evaluation.evaluate_every = 2;
  const TrainResult result =
      Trainer(*bench.model, bench.parameters(), {bench.train, bench.dev}, options, hooks).run();
  ASSERT_TRUE(result.best);
  EXPECT_EQ(result.best->step, 4);
  EXPECT_EQ(result.best->value, 0.9);
  EXPECT_EQ(result.kept_step, 4);
  EXPECT_EQ(bench.values(), seen[4]);
  EXPECT_NE(seen[8], seen[4]);
}

TEST(Trainer, PrefersTheLastWeightsToALuckyEvaluation) {
  Bench bench;
  TrainOptions options = short_run(8);
  options.evaluation.evaluate_every = 1;
  options.learning_rate =
      1e-12;  // moves nothing: all evaluations are the same, the first is "best"
  const TrainResult result =
      Trainer(*bench.model, bench.parameters(), {bench.train, bench.dev}, options, {}).run();
  ASSERT_TRUE(result.best);
  EXPECT_LT(result.best->step, 8);
  EXPECT_EQ(result.kept_step, 8);
}

TEST(Trainer, ReturnsToEarlierWeightsWhenTrainingDidHarm) {
  Bench bench;
  TrainOptions options = short_run(12);
  options.evaluation.evaluate_every = 1;
  options.learning_rate = 3;  // destroys what the first steps reached
  const TrainResult result =
      Trainer(*bench.model, bench.parameters(), {bench.train, bench.dev}, options, {}).run();
  ASSERT_TRUE(result.best);
  EXPECT_LT(result.best->step, 12);
  EXPECT_EQ(result.kept_step, result.best->step);
}

TEST(Trainer, StopsWhenPatienceRunsOut) {
  Bench bench;
  TrainHooks hooks;
  hooks.evaluate = [](std::int64_t step) { return step == 4 ? 1.0 : 0.0; };
  TrainOptions options = short_run(40);
  options.evaluation.evaluate_every = 2;
  options.evaluation.patience = 3;
  const TrainResult result =
      Trainer(*bench.model, bench.parameters(), {bench.train, bench.dev}, options, hooks).run();
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.steps, 10);
}

TEST(Trainer, AnEvaluationThatIsNotANumberIsNeverTheBest) {  // N4
  Bench bench;
  TrainHooks hooks;
  hooks.evaluate = [](std::int64_t) { return std::numeric_limits<double>::quiet_NaN(); };
  TrainOptions options = short_run(4);
  options.evaluation.evaluate_every = 2;
  EXPECT_FALSE(Trainer(*bench.model, bench.parameters(), {bench.train, bench.dev}, options, hooks)
                   .run()
                   .best);
}

TEST(Trainer, FinishesTheStepAndSavesWhenInterrupted) {  // Y3
  Bench bench;
  const TemporaryFolder folder;
  TrainHooks hooks;
  hooks.at_point = [](std::string_view point, std::int64_t step) {
    if (point == "mid-step" && step == 2) Interrupt::request(SIGTERM);
  };
  Trainer trainer(*bench.model, bench.parameters(), {bench.train, {}}, short_run(20), hooks,
                  folder.path());
  try {
    trainer.run();
    FAIL();
  } catch (const Interrupted& stop) {
    EXPECT_EQ(stop.signal(), SIGTERM);
    EXPECT_THAT(stop.what(), HasSubstr("step 3 of 20"));
  }
  Interrupt::reset();
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "checkpoint-000003"));
}

TEST(Trainer, FitsItsStepsIntoABudget) {
  Bench bench;
  TrainOptions options = short_run(1);
  options.length.steps.reset();
  options.length.budget = Duration{2};
  Trainer trainer(*bench.model, bench.parameters(), {bench.train, bench.dev}, options);
  const auto before = bench.values();
  const StepPlan plan = trainer.plan();
  EXPECT_EQ(bench.values(), before);  // measuring moves nothing
  EXPECT_GE(plan.steps, 1);
  EXPECT_THAT(plan.reasons, testing::Contains(HasSubstr("tokens/s")));
}

}  // namespace
}  // namespace bantam
