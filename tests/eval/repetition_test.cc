#include "bantam/eval/repetition.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace bantam {
namespace {

TEST(Repetition, OfDifferentTokensIsZero) {
  std::vector<std::int32_t> tokens(50);
  std::iota(tokens.begin(), tokens.end(), 0);
  EXPECT_EQ(repetition_rate(tokens), 0);
}

TEST(Repetition, OfALoopApproachesOne) {
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 100; ++i) tokens.push_back(i % 2);
  // 97 four-grams, two of them new.
  EXPECT_DOUBLE_EQ(repetition_rate(tokens), 95.0 / 97);
}

TEST(Repetition, OfAShortTextIsZero) {
  EXPECT_EQ(repetition_rate(std::vector<std::int32_t>{1, 1, 1, 1}), 0);
}

}  // namespace
}  // namespace bantam
