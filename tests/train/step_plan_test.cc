#include "bantam/train/step_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bantam {
namespace {

const PlanFacts kFacts{.examples = 100,
                       .steps_per_epoch = 7,
                       .tokens_per_step = 200,
                       .dev_tokens = 300,
                       .tokens_per_second = 100};

TEST(StepPlan, CountsEpochs) {
  TrainOptions options;
  EXPECT_EQ(plan_steps(options, kFacts).steps, 21);
  options.length.epochs = 0.5;
  EXPECT_EQ(plan_steps(options, kFacts).steps, 4);
  options.length.epochs = 2;
  EXPECT_EQ(plan_steps(options, kFacts).steps, 14);
}

TEST(StepPlan, FillsABudgetWithStepsAndEvaluations) {
  TrainOptions options;
  options.length.budget = Duration{100};
  // Ten evaluations of 300 tokens at a third of the cost take 10 s; steps take 2 s each.
  const StepPlan plan = plan_steps(options, kFacts);
  EXPECT_EQ(plan.steps, 45);
  EXPECT_EQ(plan.evaluate_every, 5);
  EXPECT_THAT(plan.reasons, testing::Contains(testing::HasSubstr("100 tokens/s")));
}

TEST(StepPlan, StopsAtTheEpochsThatABudgetWouldExceed) {
  TrainOptions options;
  options.length.budget = Duration{1000};
  options.length.epochs = 2;
  const StepPlan plan = plan_steps(options, kFacts);
  EXPECT_EQ(plan.steps, 14);
  EXPECT_THAT(plan.reasons, testing::Contains(testing::HasSubstr("the budget allows")));
}

TEST(StepPlan, RefusesABudgetWithoutRoomForAStep) {
  TrainOptions options;
  options.length.budget = Duration{2};
  try {
    plan_steps(options, kFacts);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("no room for one step of 200 tokens"));
  }
}

TEST(StepPlan, EvaluatesAndSavesTenTimesUnlessTold) {
  TrainOptions options;
  options.length.steps = 95;
  StepPlan plan = plan_steps(options, kFacts);
  EXPECT_EQ(plan.evaluate_every, 10);
  EXPECT_EQ(plan.checkpoint_every, 10);
  options.evaluation.evaluate_every = 3;
  options.checkpoints.checkpoint_every = 50;
  plan = plan_steps(options, kFacts);
  EXPECT_EQ(plan.evaluate_every, 3);
  EXPECT_EQ(plan.checkpoint_every, 50);
}

TEST(StepPlan, SurvivesItsJson) {
  const StepPlan plan{.steps = 12, .evaluate_every = 3, .checkpoint_every = 4};
  const StepPlan read = StepPlan::from_json(plan.to_json());
  EXPECT_EQ(read.steps, 12);
  EXPECT_EQ(read.evaluate_every, 3);
  EXPECT_EQ(read.checkpoint_every, 4);
}

}  // namespace
}  // namespace bantam
