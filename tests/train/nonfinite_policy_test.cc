#include "bantam/train/nonfinite_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

TEST(NonfinitePolicy, StopsAtTheThirdSkippedStepInARow) {  // N1
  NonfinitePolicy policy(3);
  policy.skipped(1, "the loss", "row:1");
  policy.skipped(2, "the loss", "row:2");
  policy.good();
  policy.skipped(4, "the loss", "row:4");
  policy.skipped(5, "the loss", "row:5");
  try {
    policy.skipped(6, "the gradient of norm.weight", "row:6, row:7");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::diverged);
    EXPECT_EQ(error.exit_code(), 5);
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("step 6"), testing::HasSubstr("norm.weight"),
                               testing::HasSubstr("row:6, row:7")));
  }
  EXPECT_EQ(policy.count(), 5);
}

TEST(NonfinitePolicy, StopsAtMoreThanOnePercentOfAThousandSteps) {
  NonfinitePolicy policy(3);
  for (std::int64_t i = 0; i < 10; ++i) {
    policy.skipped(1 + 90 * i, "the loss", "");
    policy.good();
  }
  EXPECT_THROW(policy.skipped(999, "the loss", ""), Error);
}

TEST(NonfinitePolicy, ForgetsStepsOlderThanAThousand) {
  NonfinitePolicy policy(3);
  for (std::int64_t i = 0; i < 40; ++i) {
    EXPECT_NO_THROW(policy.skipped(1 + 110 * i, "the loss", "")) << i;
    policy.good();
  }
  EXPECT_EQ(policy.count(), 40);
}

TEST(NonfinitePolicy, GoesOnWhereItsJsonWasWritten) {
  NonfinitePolicy policy(3), other(3);
  policy.skipped(8, "the loss", "");
  policy.skipped(9, "the loss", "");
  other.restore(policy.to_json());
  EXPECT_EQ(other.count(), 2);
  EXPECT_THROW(other.skipped(10, "the loss", ""), Error);
}

}  // namespace
}  // namespace bantam
