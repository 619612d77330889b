#include "bantam/text/model_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bantam {
namespace {

using testing::ElementsAre;

// [CLS] first… [SEP] second… [SEP], ids 10, 11, … and 20, 21, …
ModelInput pair(std::int32_t first, std::int32_t second) {
  ModelInput input;
  const auto add = [&](std::int32_t id, std::int8_t text) {
    input.ids.push_back(id);
    input.text.push_back(text);
    input.type_ids.push_back(id >= 20 ? 1 : 0);
    input.offsets.emplace_back();
  };
  add(1, -1);
  for (std::int32_t i = 0; i < first; ++i) add(10 + i, 0);
  add(2, -1);
  for (std::int32_t i = 0; i < second; ++i) add(20 + i, 1);
  if (second > 0) add(2, -1);
  return input;
}

TEST(Shorten, LeavesWhatFitsAlone) {
  ModelInput input = pair(2, 1);
  EXPECT_FALSE(shorten(input, 6));
  EXPECT_EQ(input.ids.size(), 6u);
}

TEST(Shorten, TakesTheEndOfATextButNoSpecialToken) {
  ModelInput input = pair(5, 0);
  EXPECT_TRUE(shorten(input, 4));
  EXPECT_THAT(input.ids, ElementsAre(1, 10, 11, 2));
  EXPECT_EQ(input.type_ids.size(), 4u);
}

TEST(Shorten, TakesFromTheLongerOfAPair) {
  ModelInput input = pair(5, 3);
  EXPECT_TRUE(shorten(input, 7));
  EXPECT_THAT(input.ids, ElementsAre(1, 10, 11, 2, 20, 21, 2));
  EXPECT_THAT(input.type_ids, ElementsAre(0, 0, 0, 0, 1, 1, 0));
}

TEST(Shorten, EndsWithTheSpecialTokensAlone) {
  ModelInput input = pair(2, 2);
  EXPECT_TRUE(shorten(input, 1));
  EXPECT_THAT(input.ids, ElementsAre(1, 2, 2));
}

TEST(LongestFirst, KeepsTheOrderOfEquals) {
  const ModelInput inputs[] = {pair(1, 0), pair(3, 0), pair(1, 0)};
  EXPECT_THAT(longest_first(inputs), ElementsAre(1, 0, 2));
}

}  // namespace
}  // namespace bantam
