#include "bantam/base/checked.h"

#include <gtest/gtest.h>

namespace bantam {
namespace {

constexpr std::uint64_t kMost = ~std::uint64_t{0};

TEST(Checked, SumsThatFitAreExact) {
  EXPECT_EQ(checked_add(kMost - 1, 1), kMost);
  EXPECT_EQ(checked_add(2, 3), 5u);
}

TEST(Checked, SumsThatWrapAreNothing) {
  EXPECT_FALSE(checked_add(kMost, 1));
  EXPECT_FALSE(checked_add(kMost / 2 + 1, kMost / 2 + 1));
}

TEST(Checked, ProductsThatWrapAreNothing) {
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1),
            kMost - (std::uint64_t{1} << 32) + 1);
  EXPECT_FALSE(checked_multiply(std::uint64_t{1} << 32, std::uint64_t{1} << 32));
  EXPECT_EQ(checked_multiply(0, kMost), 0u);
}

}  // namespace
}  // namespace bantam
