// Every schedule against transformers: tests/golden/train/updates.json.
#include "bantam/train/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

TEST(Schedule, EqualsTransformers) {
  const Json golden = read_json(golden_folder() / "train/updates.json")["schedules"];
  const auto steps = golden["steps"].get<std::int64_t>();
  for (const auto& [spec, factors] : golden["factors"].items()) {
    Schedule schedule(spec);
    schedule.plan(steps);
    for (std::int64_t step = 0; step < steps; ++step) {
      EXPECT_NEAR(schedule.factor(step), factors[static_cast<std::size_t>(step)].get<double>(),
                  1e-7)
          << spec << " step " << step;
    }
  }
}

std::string plan_error(std::string_view spec, std::int64_t steps) {
  try {
    Schedule schedule(spec);
    schedule.plan(steps);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
    return error.what();
  }
  return "";
}

TEST(Schedule, RefusesAWarmUpLongerThanTheRun) {
  EXPECT_THAT(plan_error("cosine:warmup=50", 40),
              testing::AllOf(testing::HasSubstr("50"), testing::HasSubstr("40")));
  EXPECT_THAT(plan_error("wsd:warmup=10,decay=35", 40), testing::HasSubstr("exceed"));
}

TEST(Schedule, ShortensTheDecayWhenRoundedSharesOverlap) {
  Schedule schedule("wsd:warmup=50%,decay=50%");
  schedule.plan(3);
  EXPECT_EQ(schedule.times().warmup, 2);
  EXPECT_EQ(schedule.times().decay, 1);
}

TEST(Schedule, NamesWhatIsWrongInItsSpec) {
  EXPECT_THAT(plan_error("cosin", 10), testing::HasSubstr("nearest: cosine"));
  EXPECT_THAT(plan_error("cosine:warmpu=3%", 10), testing::HasSubstr("nearest: warmup"));
  EXPECT_THAT(plan_error("cosine:warmup=-3", 10), testing::HasSubstr("-3"));
  EXPECT_THAT(plan_error("cosine:warmup=130%", 10), testing::HasSubstr("130%"));
  EXPECT_THAT(plan_error("wsd:shape=round", 10), testing::HasSubstr("1-sqrt"));
}

}  // namespace
}  // namespace bantam
