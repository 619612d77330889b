#include "bantam/cli/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bantam/cli/layout.h"

namespace bantam {
namespace {

TEST(Sparkline, RunsFromLowToHigh) {
  EXPECT_EQ(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, 8, true), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({3, 3}, 8, true), "▅▅");
  EXPECT_EQ(sparkline({}, 8, true), "");
}

TEST(Sparkline, AveragesIntoItsWidthAndLeavesGapsForWhatIsNotFinite) {
  std::vector<double> falling(1000);
  for (std::size_t i = 0; i < 1000; ++i) falling[i] = 1000.0 - static_cast<double>(i);
  EXPECT_EQ(display_width(sparkline(falling, 24, true)), 24);
  EXPECT_EQ(sparkline({0, std::nan(""), 1}, 3, true), "▁ █");
  EXPECT_EQ(sparkline({std::nan("")}, 3, true), "");
}

TEST(Bar, FillsItsFraction) {
  EXPECT_EQ(bar(0.5, 4, false), "==..");
  EXPECT_EQ(bar(2, 4, false), "====");
  EXPECT_EQ(bar(std::nan(""), 4, false), "....");
  EXPECT_EQ(display_width(bar(0.33, 20, true)), 20);
}

TEST(LineChart, DrawsAFallingLineFromTheTopLeftToTheBottomRight) {
  const std::string chart = line_chart({{0, 4}, {10, 2}, {20, 0}}, 24, 3, false);
  EXPECT_EQ(chart,
            "4 |*****\n"
            "  |     **********\n"
            "0 |               ******\n"
            "   0                  20\n");
}

TEST(LineChart, SurvivesOnePointAndNoPoint) {
  EXPECT_NE(line_chart({{1, 1}}, 30, 4, true), "");
  EXPECT_EQ(line_chart({}, 30, 4, true), "");
  EXPECT_EQ(line_chart({{1, std::nan("")}}, 30, 4, true), "");
}

}  // namespace
}  // namespace bantam
