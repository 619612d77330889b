#include "bantam/stats/set_scores.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/stats/golden.h"

namespace bantam {
namespace {

TEST(SetScores, OfLabelsMatchScikitLearn) {
  const Json& golden = prediction_scores_golden()["label_sets"];
  SetScores scores;
  for (std::size_t i = 0; i < golden["truth"].size(); ++i) {
    scores.add(golden["truth"][i].get<std::vector<int>>(),
               golden["found"][i].get<std::vector<int>>());
  }
  EXPECT_NEAR(scores.f1(), golden["micro_f1"].get<double>(), 1e-12);
  EXPECT_NEAR(scores.exact_share(), golden["exact"].get<double>(), 1e-12);
}

TEST(SetScores, NothingFoundIsZeroAndRepeatsCountOnce) {
  SetScores scores;
  scores.add<int>({}, {});
  EXPECT_EQ(scores.f1(), 0);
  EXPECT_EQ(scores.exact_share(), 1);
  scores.add<int>({2, 1, 2}, {2});
  EXPECT_EQ(scores.truth, 2);
  EXPECT_EQ(scores.precision(), 1);
  EXPECT_EQ(scores.recall(), 0.5);
}

}  // namespace
}  // namespace bantam
