#include "bantam/base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace bantam {
namespace {

using testing::ElementsAre;

// kat_vectors of Random123 1.14, lines "philox4x32 10".
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_THAT(philox4x32_10({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(
      philox4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(RandomStream, ADrawDependsOnNothingButItsPlace) {
  const RandomStream stream(7, "sampler", 3);
  RandomStream drawn(7, "sampler", 3);
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(drawn.next_bits(), stream.bits_at(i));
}

TEST(RandomStream, SeedsNamesAndStepsDoNotMeet) {
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : {0, 1, 2}) {
    for (const char* name : {"", "sampler", "data-order"}) {
      for (const std::uint64_t step : {0, 1}) {
        const RandomStream stream(seed, name, step);
        for (std::uint64_t i = 0; i < 100; ++i) seen.insert(stream.bits_at(i));
      }
    }
  }
  EXPECT_EQ(seen.size(), 3u * 3 * 2 * 100);
}

TEST(RandomStream, UniformsStayBelowOneWithTheRightMoments) {
  RandomStream stream(1, "test");
  double sum = 0, squares = 0;
  constexpr int n = 100'000;
  for (int i = 0; i < n; ++i) {
    const double u = stream.next_uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u, squares += u * u;
  }
  // Four standard errors of the mean of n uniforms: 4 / sqrt(12 n).
  EXPECT_NEAR(sum / n, 0.5, 4 / std::sqrt(12.0 * n));
  EXPECT_NEAR(squares / n, 1.0 / 3, 0.005);
}

TEST(RandomStream, NormalsHaveTheMomentsOfANormal) {
  RandomStream stream(1, "test");
  double sum = 0, squares = 0, fourth = 0;
  constexpr int n = 100'000;
  for (int i = 0; i < n; ++i) {
    const double z = stream.next_normal();
    ASSERT_TRUE(std::isfinite(z));
    sum += z, squares += z * z, fourth += z * z * z * z;
  }
  EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 4 * std::sqrt(2.0 / n));
  EXPECT_NEAR(fourth / n, 3, 4 * std::sqrt(96.0 / n));
}

TEST(RandomStream, NextBelowIsEvenOverABoundThatIsNoPowerOfTwo) {
  RandomStream stream(1, "test");
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(stream.next_below(7));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 4 * 93);  // 4 sigma of a binomial
}

TEST(RandomStream, APermutationHoldsEachNumberOnce) {
  auto order = RandomStream(5, "data-order").permutation(1000);
  EXPECT_NE(order, RandomStream(6, "data-order").permutation(1000));
  EXPECT_EQ(order, RandomStream(5, "data-order").permutation(1000));
  std::sort(order.begin(), order.end());
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);
  EXPECT_TRUE(RandomStream(5, "x").permutation(0).empty());
}

// Every recorded run depends on these numbers: a change here makes old seeds mean something else.
TEST(RandomStream, NumbersOfASeedNeverChange) {
  RandomStream stream(1234, "sampler", 0);
  const auto first = stream.next_bits();
  EXPECT_EQ(first, RandomStream(1234, "sampler").bits_at(0));
  EXPECT_EQ(first, 0xa2cb3f3c06e69436u);
}

}  // namespace
}  // namespace bantam
