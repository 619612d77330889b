#include "bantam/stats/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/random.h"

namespace bantam {
namespace {

std::vector<double> coin_flips(int count, double chance) {
  RandomStream stream(5, "test");
  std::vector<double> flips;
  for (int i = 0; i < count; ++i) flips.push_back(stream.next_uniform() < chance ? 1.0 : 0.0);
  return flips;
}

TEST(BootstrapMean, MatchesTheNormalIntervalOfALargeSample) {
  const auto flips = coin_flips(2000, 0.7);
  const Interval interval = bootstrap_mean(flips);
  double mean = 0;
  for (const double flip : flips) mean += flip / 2000;
  EXPECT_NEAR(interval.value, mean, 1e-12);
  const double half_width = 1.96 * std::sqrt(mean * (1 - mean) / 2000);  // 0.020
  EXPECT_NEAR(interval.low, mean - half_width, 0.003);
  EXPECT_NEAR(interval.high, mean + half_width, 0.003);
}

TEST(BootstrapMean, IsTheSameForTheSameSeedAndMovesWithIt) {
  const auto flips = coin_flips(101, 0.5);
  const Interval first = bootstrap_mean(flips, {.seed = 1}),
                 again = bootstrap_mean(flips, {.seed = 1});
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  const Interval other = bootstrap_mean(flips, {.resamples = 50, .seed = 2});
  EXPECT_TRUE(other.low != first.low || other.high != first.high);
}

TEST(BootstrapMean, WidensWithTheLevel) {
  const auto flips = coin_flips(200, 0.4);
  const Interval narrow = bootstrap_mean(flips, {.level = 0.8}),
                 wide = bootstrap_mean(flips, {.level = 0.99});
  EXPECT_LT(wide.low, narrow.low);
  EXPECT_GT(wide.high, narrow.high);
}

TEST(BootstrapMean, OfNothingIsAnErrorNotAZero) {
  try {
    bootstrap_mean({});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), testing::HasSubstr("n = 0"));
  }
}

TEST(BootstrapMean, OfOneValueOrZeroVarianceIsThatPoint) {
  const Interval one = bootstrap_mean(std::vector<double>{0.25});
  EXPECT_EQ(one.low, 0.25);
  EXPECT_EQ(one.high, 0.25);
  const Interval same = bootstrap_mean(std::vector<double>{1, 1, 1});
  EXPECT_EQ(same.low, 1);
  EXPECT_EQ(same.high, 1);
}

TEST(BootstrapPairedDifference, IsNarrowerThanTheSystemsApart) {
  std::vector<double> before = coin_flips(500, 0.5), after = before;
  for (std::size_t i = 0; i < after.size(); i += 10) after[i] = 1;
  const Interval difference = bootstrap_paired_difference(before, after);
  EXPECT_GT(difference.low, 0);
  const Interval apart = bootstrap_mean(before);
  EXPECT_LT(difference.high - difference.low, apart.high - apart.low);
}

TEST(BootstrapPairedDifference, RefusesDifferentLengths) {
  EXPECT_THROW(bootstrap_paired_difference(std::vector<double>{1}, std::vector<double>{1, 0}),
               Error);
}

TEST(BootstrapStatistic, HandsOverRowsInRange) {
  const Interval range = bootstrap_statistic(7,
                                             [](std::span<const std::uint32_t> rows) {
                                               double largest = 0;
                                               for (const std::uint32_t row : rows)
                                                 largest = std::max<double>(largest, row);
                                               EXPECT_EQ(rows.size(), 7u);
                                               return largest;
                                             },
                                             {.resamples = 100});
  EXPECT_EQ(range.value, 6);
  EXPECT_LE(range.high, 6);
}

}  // namespace
}  // namespace bantam
