#include "bantam/train/data_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/train/micro_batch.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

std::vector<std::string> ids_of(const std::vector<const Example*>& window) {
  std::vector<std::string> ids;
  for (const Example* example : window) ids.push_back(example->id);
  return ids;
}

TEST(DataOrder, ShowsEveryExampleOnceAnEpochAndEndsWithAShortWindow) {
  const auto examples = random_examples(10, 3, 5);
  DataOrder order(examples, 4, 1);
  ASSERT_EQ(order.steps_per_epoch(), 3);
  std::vector<std::string> seen;
  for (std::int64_t step = 0; step < 3; ++step) {
    const auto window = ids_of(order.window(step));
    EXPECT_EQ(window.size(), step == 2 ? 2u : 4u);
    seen.insert(seen.end(), window.begin(), window.end());
  }
  std::vector<std::string> all;
  for (const Example& example : examples) all.push_back(example.id);
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(all));
  EXPECT_TRUE(order.is_last_of_epoch(2));
  EXPECT_FALSE(order.is_last_of_epoch(3));
}

TEST(DataOrder, IsAFunctionOfTheStepAndChangesWithEpochAndSeed) {
  const auto examples = random_examples(40, 3, 5);
  DataOrder order(examples, 40, 1), again(examples, 40, 1), other(examples, 40, 2);
  const auto first = ids_of(order.window(0)), second = ids_of(order.window(1));
  EXPECT_NE(first, second);
  EXPECT_EQ(ids_of(again.window(1)), second);  // asked for out of order
  EXPECT_EQ(ids_of(again.window(0)), first);
  EXPECT_NE(ids_of(other.window(0)), first);
}

TEST(DataOrder, RefusesNoExamples) { EXPECT_THROW(DataOrder({}, 4, 1), Error); }

TEST(HashOfExamples, ChangesWithAnIdAWeightOrTheOrder) {
  auto examples = random_examples(5, 3, 5);
  const std::string before = hash_of_examples(examples);
  EXPECT_EQ(hash_of_examples(random_examples(5, 3, 5)), before);
  examples[3].weights[1] += 0.5f;
  EXPECT_NE(hash_of_examples(examples), before);
  examples = random_examples(5, 3, 5);
  examples[2].ids[0] ^= 1;
  EXPECT_NE(hash_of_examples(examples), before);
  examples = random_examples(5, 3, 5);
  std::swap(examples[0], examples[1]);
  EXPECT_NE(hash_of_examples(examples), before);
}

TEST(SplitByTokens, KeepsTheOrderAndTheBudget) {
  std::vector<Example> examples(5);
  const std::vector<std::size_t> lengths = {3, 4, 9, 2, 2};
  std::vector<const Example*> all;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    examples[i].ids.assign(lengths[i], 1);
    all.push_back(&examples[i]);
  }
  const auto groups = split_by_tokens(all, 7);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_THAT(groups[0].examples, testing::ElementsAre(all[0], all[1]));
  EXPECT_THAT(groups[1].examples, testing::ElementsAre(all[2]));  // longer than the budget: alone
  EXPECT_EQ(groups[2].tokens(), 4);
  EXPECT_EQ(split_by_tokens(all, 1000, 2).size(), 3u);
  EXPECT_EQ(split_by_tokens(all, 1000).size(), 1u);
}

TEST(NameExamples, CutsLongLists) {
  const auto examples = random_examples(12, 3, 3);
  std::vector<const Example*> all;
  for (const Example& example : examples) all.push_back(&example);
  EXPECT_EQ(name_examples(std::span(all).first(2)), "row:0, row:1");
  EXPECT_THAT(name_examples(all, 3), testing::EndsWith("row:2, … (12 in all)"));
}

}  // namespace
}  // namespace bantam
