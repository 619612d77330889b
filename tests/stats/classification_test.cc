#include "bantam/stats/classification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "bantam/base/error.h"
#include "tests/stats/golden.h"

namespace bantam {
namespace {

using testing::ElementsAre;

TEST(ScoreClassification, MatchesScikitLearn) {
  const Json& golden = stats_golden()["classification"];
  const auto truth = golden["truth"].get<std::vector<std::int32_t>>();
  const auto prediction = golden["prediction"].get<std::vector<std::int32_t>>();
  const auto scores = score_classification(truth, prediction, golden["classes"].get<int>());
  EXPECT_NEAR(scores.accuracy, golden["accuracy"].get<double>(), 1e-12);
  EXPECT_NEAR(scores.macro_f1, golden["macro_f1"].get<double>(), 1e-12);
  for (std::size_t c = 0; c < scores.per_class.size(); ++c) {
    EXPECT_NEAR(scores.per_class[c].precision, golden["precision"][c].get<double>(), 1e-12);
    EXPECT_NEAR(scores.per_class[c].recall, golden["recall"][c].get<double>(), 1e-12);
    EXPECT_NEAR(scores.per_class[c].f1, golden["f1"][c].get<double>(), 1e-12);
    EXPECT_EQ(scores.per_class[c].support, golden["support"][c].get<std::int64_t>());
  }
  EXPECT_EQ(scores.confusion, golden["confusion"].get<std::vector<std::vector<std::int64_t>>>());
  std::vector<std::uint32_t> all(truth.size());
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_NEAR(macro_f1_of_rows(truth, prediction, 6, all), scores.macro_f1, 1e-12);
}

TEST(ScoreClassification, CountsAnswersThatNameNoClassAsWrong) {
  const auto scores = score_classification(std::vector<std::int32_t>{0, 0, 1},
                                           std::vector<std::int32_t>{0, -1, 1}, 2);
  EXPECT_NEAR(scores.accuracy, 2.0 / 3, 1e-12);
  EXPECT_EQ(scores.unanswered, 1);
  EXPECT_NEAR(scores.per_class[0].recall, 0.5, 1e-12);
  EXPECT_NEAR(scores.per_class[0].precision, 1.0, 1e-12);
  EXPECT_THAT(scores.confusion[0], ElementsAre(1, 0));
}

TEST(ScoreClassification, OfNothingIsAnErrorNotAZero) {
  EXPECT_THROW(score_classification({}, {}, 2), Error);
  EXPECT_THROW(macro_f1_of_rows({}, {}, 2, {}), Error);
}

TEST(ScoreClassification, NamesTheItemThatIsOutOfRange) {
  try {
    score_classification(std::vector<std::int32_t>{0, 2}, std::vector<std::int32_t>{0, 0}, 2);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("item 1"));
  }
}

}  // namespace
}  // namespace bantam
