#include "bantam/eval/few_shot.h"

#include <gmock/gmock.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace bantam {
namespace {

std::vector<Row> rows() {
  std::vector<Row> out(20);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].kind = Row::Kind::classification;
    out[i].text = fmt::format("text{}", i);
    out[i].label = i == 7 ? "rare" : "common";
  }
  out[3].text = std::string(500, 'x');
  return out;
}

TEST(FewShot, PrefersDifferentLabels) {
  const std::string prefix = few_shot_prefix(TaskTemplate(), rows(), 2, 1);
  EXPECT_THAT(prefix, testing::HasSubstr("text7\nLabel: rare\n"));
  EXPECT_THAT(prefix, testing::HasSubstr("Label: common\n"));
}

TEST(FewShot, PassesOverLongTextsAndRepeatsWithItsSeed) {
  const std::string prefix = few_shot_prefix(TaskTemplate(), rows(), 19, 1);
  EXPECT_THAT(prefix, testing::Not(testing::HasSubstr("xxxx")));
  EXPECT_EQ(prefix, few_shot_prefix(TaskTemplate(), rows(), 19, 1));
  EXPECT_NE(prefix, few_shot_prefix(TaskTemplate(), rows(), 19, 2));
}

}  // namespace
}  // namespace bantam
