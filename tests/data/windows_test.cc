#include "bantam/data/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace bantam {
namespace {

using testing::ElementsAre;

Example counting(std::size_t length) {
  Example example;
  example.ids.resize(length);
  std::iota(example.ids.begin(), example.ids.end(), 0);
  example.weights.assign(length, 1.f);
  return example;
}

TEST(Windows, OverlapByOneTokenSoThatEachIsATargetOnce) {
  const auto windows = windows_of(counting(10), 4);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_THAT(windows[0].ids, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(windows[1].ids, ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(windows[2].ids, ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(windows[2].weights, ElementsAre(0.f, 1.f, 1.f, 1.f));
}

TEST(Windows, LeaveNoPieceWithoutATarget) {
  for (std::size_t length = 2; length < 30; ++length) {
    for (const Example& window : windows_of(counting(length), 5))
      EXPECT_GE(window.ids.size(), 2u) << length;
  }
}

}  // namespace
}  // namespace bantam
