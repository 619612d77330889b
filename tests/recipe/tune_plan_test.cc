#include "bantam/recipe/tune/tune_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

std::vector<Example> examples(std::size_t count) {
  return std::vector<Example>(count, {{1, 2, 3}, {0, 0, 1}, "x"});
}

TEST(TunePlan, EveryDerivedValueHasItsRule) {
  const auto model = tiny_model(40);
  const TunePlan plan = derive_plan({}, *model, examples(6000), true, 1);
  EXPECT_EQ(plan.train.batch, 32);
  EXPECT_EQ(plan.lora.rank, 8);
  EXPECT_EQ(plan.lora.alpha, 16);
  ASSERT_TRUE(plan.train.length.budget.has_value());
  for (const PlanLine& line : plan.lines) {
    EXPECT_FALSE(line.value.empty()) << line.name;
    EXPECT_FALSE(line.rule.empty()) << line.name;
  }
}

TEST(TunePlan, WhatThePersonSaysWins) {
  const auto model = tiny_model(40);
  TuneOptions options;
  options.batch = 5;
  options.rank = 3;
  options.learning_rate = 0.25;
  options.epochs = 2;
  const TunePlan plan = derive_plan(options, *model, examples(1500), true, 1);
  EXPECT_EQ(plan.train.batch, 5);
  EXPECT_EQ(plan.lora.rank, 3);
  EXPECT_EQ(plan.train.learning_rate, 0.25);
  EXPECT_FALSE(plan.train.length.budget.has_value());
  EXPECT_EQ(plan.train.length.epochs, 2.0);
}

TEST(TunePlan, FewRowsGetSmallBatches) {
  const auto model = tiny_model(40);
  EXPECT_EQ(derive_plan({}, *model, examples(50), true, 1).train.batch, 8);
  EXPECT_EQ(derive_plan({}, *model, examples(500), true, 1).train.batch, 16);
}

TEST(TunePlan, UnknownExportsAndTypesAreNamedWithTheNearest) {
  TuneOptions options;
  options.exports = {"ggf"};
  try {
    validate(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("gguf"));
  }
}

}  // namespace
}  // namespace bantam
