#include "bantam/generate/option_tree.h"

#include <gtest/gtest.h>

namespace bantam {
namespace {

TEST(OptionTree, SharedBeginningsAreOneNodeAndLastTokensAreNotRead) {
  const std::vector<std::vector<std::int32_t>> options = {{5, 6, 7}, {5, 6, 8}, {5, 9}, {4}};
  const OptionTree tree = make_option_tree(options);
  ASSERT_EQ(tree.inner.size(), 2U);  // 5, and 6 after it
  EXPECT_EQ(tree.inner[0].token, 5);
  EXPECT_EQ(tree.inner[0].parent, -1);
  EXPECT_EQ(tree.inner[1].token, 6);
  EXPECT_EQ(tree.inner[1].parent, 0);
  ASSERT_EQ(tree.options.size(), 4U);
  EXPECT_EQ(tree.options[1][2].after, 1);
  EXPECT_EQ(tree.options[1][2].token, 8);
  EXPECT_EQ(tree.options[3][0].after, -1);
}

TEST(OptionTree, AnOptionMayBeginAnother) {
  const std::vector<std::vector<std::int32_t>> options = {{1, 2}, {1, 2, 3}};
  const OptionTree tree = make_option_tree(options);
  EXPECT_EQ(tree.inner.size(), 2U);
  EXPECT_EQ(tree.options[0].size(), 2U);
  EXPECT_EQ(tree.options[1].back().after, 1);
}

TEST(OptionTree, FifteenLabelsOfTwoTokensReadFifteenRows) {
  std::vector<std::vector<std::int32_t>> options;
  for (std::int32_t label = 0; label < 15; ++label) options.push_back({label + 10, 1});
  EXPECT_EQ(make_option_tree(options).inner.size(), 15U);
}

}  // namespace
}  // namespace bantam
