#include "bantam/nn/attention_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

using testing::ElementsAre;

std::vector<std::vector<std::int32_t>> seen_by_each(const AttentionPlan& plan) {
  std::vector<std::vector<std::int32_t>> all;
  for (std::size_t token = 0; token + 1 < plan.visibility.first.size(); ++token) {
    std::vector<std::int32_t> rows;
    for (auto r = plan.visibility.first[token]; r < plan.visibility.first[token + 1]; ++r) {
      const KeyRange range = plan.visibility.ranges[static_cast<std::size_t>(r)];
      for (std::int32_t row = range.begin; row < range.end; ++row) rows.push_back(row);
    }
    all.push_back(rows);
  }
  return all;
}

TEST(AttentionPlan, PackedSequencesSeeOnlyThemselves) {
  const std::vector<std::int64_t> lengths = {2, 0, 3};
  const AttentionPlan plan = AttentionPlan::causal(lengths);
  EXPECT_THAT(plan.positions, ElementsAre(0, 1, 0, 1, 2));
  EXPECT_THAT(seen_by_each(plan), ElementsAre(ElementsAre(0), ElementsAre(0, 1), ElementsAre(2),
                                              ElementsAre(2, 3), ElementsAre(2, 3, 4)));
  EXPECT_EQ(plan.visibility.key_rows, 5);
}

TEST(AttentionPlan, AWindowCountsTheTokenItself) {
  const std::vector<std::int64_t> lengths = {4};
  EXPECT_THAT(seen_by_each(AttentionPlan::windowed(lengths, 2)),
              ElementsAre(ElementsAre(0), ElementsAre(0, 1), ElementsAre(1, 2), ElementsAre(2, 3)));
  EXPECT_THAT(seen_by_each(AttentionPlan::windowed(lengths, 1)),
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2), ElementsAre(3)));
}

TEST(AttentionPlan, ATreeSeesAncestorsAtTheirDepths) {
  const std::vector<std::int32_t> parents = {-1, 0, 0, 2, -1};
  const AttentionPlan plan = AttentionPlan::tree(parents);
  EXPECT_THAT(plan.positions, ElementsAre(0, 1, 1, 2, 0));
  EXPECT_THAT(seen_by_each(plan), ElementsAre(ElementsAre(0), ElementsAre(0, 1), ElementsAre(0, 2),
                                              ElementsAre(0, 2, 3), ElementsAre(4)));
}

TEST(AttentionPlan, AChainOfATreeIsCausal) {
  const std::vector<std::int32_t> parents = {-1, 0, 1, 2};
  const std::vector<std::int64_t> lengths = {4};
  const AttentionPlan tree = AttentionPlan::tree(parents), causal = AttentionPlan::causal(lengths);
  EXPECT_EQ(tree.positions, causal.positions);
  EXPECT_EQ(tree.visibility.ranges, causal.visibility.ranges);
}

TEST(AttentionPlan, WrongParentsWindowsAndLengthsAreRefused) {
  const std::vector<std::int32_t> own_parent = {0}, below = {-2};
  EXPECT_THROW(AttentionPlan::tree(own_parent), Error);
  EXPECT_THROW(AttentionPlan::tree(below), Error);
  const std::vector<std::int64_t> lengths = {2}, negative = {-1};
  EXPECT_THROW(AttentionPlan::windowed(lengths, 0), Error);
  EXPECT_THROW(AttentionPlan::causal(negative), Error);
}

}  // namespace
}  // namespace bantam
