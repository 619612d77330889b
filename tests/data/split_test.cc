#include "bantam/data/split.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/data/data_files.h"

namespace bantam {
namespace {

using testing::HasSubstr;

Dataset grouped_rows() {
  std::vector<Row> rows;
  for (int i = 0; i < 600; ++i) {
    rows.push_back(labelled(fmt::format("text {}", i), i % 10 == 0 ? "rare" : "common",
                            fmt::format("group {}", i / 3)));
  }
  return Dataset(std::move(rows));
}

std::set<std::string> groups_of(const Dataset& data) {
  std::set<std::string> groups;
  for (const Row& row : data) groups.insert(row.group);
  return groups;
}

TEST(Split, GroupsNeverStraddle) {
  const Splits splits = split_dataset(grouped_rows());
  EXPECT_EQ(splits.train.size() + splits.dev.size() + splits.test.size(), 600u);
  std::set<std::string> all;
  std::size_t groups = 0;
  for (const Dataset* side : {&splits.train, &splits.dev, &splits.test}) {
    const auto own = groups_of(*side);
    groups += own.size();
    all.insert(own.begin(), own.end());
  }
  EXPECT_EQ(groups, all.size());
  EXPECT_EQ(all.size(), 200u);
  EXPECT_NEAR(static_cast<double>(splits.test.size()), 120, 6);
  EXPECT_NEAR(static_cast<double>(splits.dev.size()), 60, 6);
}

TEST(Split, KeepsTheProportionOfClasses) {
  std::vector<Row> rows;
  for (int i = 0; i < 1000; ++i)
    rows.push_back(labelled(fmt::format("t{}", i), i % 20 == 0 ? "rare" : "common"));
  const Splits splits = split_dataset(Dataset(rows), {.dev = 0.1, .test = 0.2});
  const auto rare = [](const Dataset& data) {
    return std::count_if(data.begin(), data.end(),
                         [](const Row& row) { return row.label == "rare"; });
  };
  EXPECT_EQ(rare(splits.test), 10);
  EXPECT_EQ(rare(splits.dev), 5);
  EXPECT_EQ(splits.test.size(), 200u);
}

TEST(Split, DependsOnContentNotOnOrder) {
  const Dataset data = grouped_rows();
  std::vector<Row> reversed(data.begin(), data.end());
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(groups_of(split_dataset(data).test), groups_of(split_dataset(Dataset(reversed)).test));
  EXPECT_NE(groups_of(split_dataset(data).test), groups_of(split_dataset(data, {.seed = 7}).test));
}

// D14
TEST(Split, RowsWithTheSameInputStayTogether) {
  std::vector<Row> rows;
  for (int i = 0; i < 200; ++i)
    rows.push_back(labelled(fmt::format("t{}", i / 4), "x", fmt::format("g{}", i)));
  const Splits splits = split_dataset(Dataset(rows), {.stratify = false});
  EXPECT_EQ(find_overlap(splits.train, splits.test).count, 0);
  EXPECT_EQ(find_overlap(splits.train, splits.dev).count, 0);
  EXPECT_THAT(splits.notes.back(), HasSubstr("200 rows in 50 groups"));
}

TEST(Split, KeepsSplitsThatAreGivenAndTakesTheRestFromTrain) {
  Dataset data = grouped_rows();
  std::vector<Row> rows(data.begin(), data.end());
  for (int i = 0; i < 30; ++i) rows[static_cast<std::size_t>(i)].split = "test";
  const Splits splits = split_dataset(Dataset(rows), {.dev = 0.1});
  EXPECT_EQ(splits.test.size(), 30u);
  EXPECT_NEAR(static_cast<double>(splits.dev.size()), 57, 4);
}

// D2
TEST(Split, SaysWhenThereAreTooFewGroups) {
  const Dataset one(std::vector<Row>{labelled("a", "x")});
  try {
    split_dataset(one);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), HasSubstr("1 rows fall into 1 groups"));
  }
  EXPECT_EQ(split_dataset(one, {.dev = 0, .test = 0}).train.size(), 1u);
  EXPECT_THROW(split_dataset(one, {.dev = 0.5, .test = 0.5}), Error);
}

// D14
TEST(FindOverlap, CountsInputsThatTrainHolds) {
  const Dataset train({labelled("a", "x"), labelled("b", "x")});
  const Dataset test({labelled("a", "y"), labelled("c", "x")});
  const Overlap overlap = find_overlap(train, test);
  EXPECT_EQ(overlap.count, 1);
  EXPECT_THAT(overlap.first, testing::ElementsAre("a"));
}

}  // namespace
}  // namespace bantam
