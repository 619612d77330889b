#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "bantam/base/error.h"
#include "bantam/recipe/tune/tune.h"

namespace bantam {
namespace {

Row labelled(int i) {
  Row row;
  row.kind = Row::Kind::classification;
  row.id = fmt::format("row{}", i);
  row.text = fmt::format("text number {}", i);
  row.label = i % 2 == 0 ? "even" : "odd";
  row.group = fmt::format("group{}", i / 3);
  return row;
}

std::vector<Row> rows(int count) {
  std::vector<Row> out;
  for (int i = 0; i < count; ++i) out.push_back(labelled(i));
  return out;
}

template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TuneData, GroupsNeverStraddleSplits) {
  const TuneData data = prepare_tune_data(Dataset(rows(200)), {}, 1);
  EXPECT_EQ(data.train.size() + data.dev.size() + data.test.size(), 200u);
  EXPECT_GT(data.test.size(), 20u);
  std::set<std::string> train;
  for (const Row& row : data.train) train.insert(row.group);
  for (const Row& row : data.test) EXPECT_FALSE(train.contains(row.group)) << row.group;
  EXPECT_THAT(data.labels, testing::ElementsAre("even", "odd"));
}

TEST(TuneData, LeavesOutExactRepeatsAndSaysSo) {
  auto twice = rows(100);
  auto more = rows(100);
  for (Row& row : more) row.id += "-again";
  twice.insert(twice.end(), more.begin(), more.end());
  const TuneData data = prepare_tune_data(Dataset(twice), {}, 1);
  EXPECT_EQ(data.train.size() + data.dev.size() + data.test.size(), 100u);
  EXPECT_THAT(data.notes, testing::Contains(testing::HasSubstr("100 exact repeats")));
}

TEST(TuneData, LimitTakesASeededChoiceOfTestRows) {
  TuneOptions options;
  options.limit_test = 10;
  EXPECT_EQ(prepare_tune_data(Dataset(rows(200)), options, 1).test.size(), 10u);
}

TEST(TuneData, RefusesTooFewRowsMixedKindsAndTextWithoutAnswers) {
  EXPECT_THAT(message_of([] { prepare_tune_data(Dataset(rows(5)), {}, 1); }),
              testing::HasSubstr("5 rows are too few"));
  auto mixed = rows(20);
  mixed[3].kind = Row::Kind::text;
  EXPECT_THAT(message_of([&] { prepare_tune_data(Dataset(mixed), {}, 1); }),
              testing::HasSubstr("several kinds"));
  auto plain = rows(20);
  for (Row& row : plain) row.kind = Row::Kind::text;
  EXPECT_THAT(message_of([&] { prepare_tune_data(Dataset(plain), {}, 1); }),
              testing::HasSubstr("without an answer"));
}

TEST(TuneData, RefusesOneLabelAndATemplateForOtherKinds) {
  auto same = rows(40);
  for (Row& row : same) row.label = "only";
  EXPECT_THAT(message_of([&] { prepare_tune_data(Dataset(same), {}, 1); }),
              testing::HasSubstr("nothing to learn"));
  TuneOptions options;
  options.task = "chat";
  EXPECT_THAT(message_of([&] { prepare_tune_data(Dataset(rows(40)), options, 1); }),
              testing::HasSubstr("--task chat"));
}

}  // namespace
}  // namespace bantam
