#include "bantam/train/train_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace bantam {
namespace {

std::string set_error(const std::string& key, const Json& value) {
  TrainOptions options;
  for (Option& option : options_of(options)) {
    if (option.key != key) continue;
    try {
      option.set(value);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::usage);
      return error.what();
    }
    return "accepted";
  }
  return "no such option";
}

TEST(TrainOptions, RefusesNumbersOutOfRangeNamingThem) {  // K3
  EXPECT_THAT(set_error("lr", "-1"),
              testing::AllOf(testing::HasSubstr("lr"), testing::HasSubstr("-1")));
  EXPECT_THAT(set_error("lr", "1e30"), testing::HasSubstr("1e30"));
  EXPECT_THAT(set_error("lr", "nan"), testing::HasSubstr("nan"));
  EXPECT_THAT(set_error("batch", "0"), testing::HasSubstr("found '0'"));
  EXPECT_EQ(set_error("lr", "3e-4"), "accepted");
}

TEST(TrainOptions, RefusesAnUnknownObjectiveOrParameterOfOneNamingTheKnownOnes) {
  const auto refusal = [](const std::string& objective) -> std::string {
    TrainOptions options;
    options.objective = objective;
    try {
      validate(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal("sftt"), testing::HasSubstr("nearest: sft"));
  EXPECT_THAT(refusal("seq2seq:smoothing=0.1"), testing::HasSubstr("label_smoothing"));
  EXPECT_THAT(refusal("seq2seq:label_smoothing=1"), testing::HasSubstr("found '1'"));
  EXPECT_EQ(refusal("seq2seq:label_smoothing=0.1"), "accepted");
}

TEST(TrainOptions, RefusesTwoLengthsNamingBoth) {  // K4
  TrainOptions options;
  options.length.steps = 10;
  options.length.budget = Duration{60};
  try {
    validate(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("--steps"), testing::HasSubstr("--budget")));
  }
}

TEST(TrainOptions, RefusesAWarmUpLongerThanTheStepsBeforeAnyWork) {
  TrainOptions options;
  options.length.steps = 10;
  options.schedule = "linear:warmup=20";
  EXPECT_THROW(validate(options), Error);
}

TEST(TrainOptions, DecidingOptionsLeaveOutWhereThingsAreWritten) {
  TrainOptions one, two;
  two.checkpoints.checkpoint_every = 3;
  EXPECT_EQ(deciding_options(one), deciding_options(two));
  two.learning_rate = 0.5;
  EXPECT_NE(deciding_options(one), deciding_options(two));
  two = one;
  two.seed = 7;
  EXPECT_NE(deciding_options(one), deciding_options(two));
}

}  // namespace
}  // namespace bantam
