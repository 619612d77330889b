#include "bantam/eval/baselines.h"

#include <gmock/gmock.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace bantam {
namespace {

// Two topics that share no word; the third label is rare.
std::vector<Row> rows(int count, int offset) {
  std::vector<Row> out;
  for (int i = 0; i < count; ++i) {
    Row row;
    row.kind = Row::Kind::classification;
    const bool is_fish = (i + offset) % 3 != 0;
    row.text = fmt::format("{} number{}", is_fish ? "salmon trout river" : "guitar violin concert",
                           i + offset);
    row.label = is_fish ? "fish" : "music";
    row.id = row.text;
    out.push_back(row);
  }
  return out;
}

const std::vector<std::string> kLabels = {"fish", "music"};

TEST(Baselines, MajorityIsTheMostFrequentTrainingLabel) {
  const auto result = majority_baseline(rows(30, 0), rows(9, 100), kLabels);
  EXPECT_THAT(result.name, testing::HasSubstr("fish"));
  for (const RowAnswer& answer : result.answers) EXPECT_EQ(answer.text, "fish");
  EXPECT_NEAR(result.accuracy.value, 6.0 / 9, 1e-12);
}

TEST(Baselines, TfidfSeparatesTopicsAndSaysWhatItChose) {
  const auto result = tfidf_baseline(rows(60, 0), rows(12, 200), rows(12, 100), kLabels);
  EXPECT_EQ(result.accuracy.value, 1.0);
  EXPECT_THAT(result.name, testing::HasSubstr("C = "));
}

TEST(Baselines, TfidfWorksWithoutDevRows) {
  EXPECT_EQ(tfidf_baseline(rows(60, 0), {}, rows(12, 100), kLabels).accuracy.value, 1.0);
}

}  // namespace
}  // namespace bantam
