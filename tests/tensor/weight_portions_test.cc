#include "bantam/tensor/cpu/weight_portions.h"

#include <gtest/gtest.h>

#include <tuple>

namespace bantam::cpu {
namespace {

using Sizes = std::tuple<std::int64_t, std::int64_t>;  // bytes, shares

class Portions : public testing::TestWithParam<Sizes> {};

TEST_P(Portions, EachByteIsInOneAndSharesAreEven) {
  const auto [bytes, shares] = GetParam();
  const WeightPortions portions(bytes, shares);
  ASSERT_EQ(portions.count(), shares * portions.of_share());
  EXPECT_EQ(portions.begin(0), 0);
  EXPECT_EQ(portions.begin(portions.count()), bytes);
  for (std::int64_t i = 0; i < portions.count(); ++i) {
    const std::int64_t size = portions.begin(i + 1) - portions.begin(i);
    EXPECT_GE(size, 0) << i;
    EXPECT_LE(size, 48 << 10) << i;
  }
  for (std::int64_t share = 0; share < shares; ++share) {
    const std::int64_t begin = portions.begin(share * portions.of_share()),
                       end = portions.begin((share + 1) * portions.of_share());
    EXPECT_NEAR(static_cast<double>(end - begin),
                static_cast<double>(bytes) / static_cast<double>(shares), 1);
    EXPECT_LE(end - portions.begin((share + 1) * portions.of_share() - 1), 3 << 10)
        << "the last portion of a share is small";
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Portions,
                         testing::Values(Sizes{1, 1}, Sizes{1, 16}, Sizes{2880, 2},
                                         Sizes{207'360, 2}, Sizes{98'304, 2}, Sizes{98'305, 2},
                                         Sizes{345'600, 3}, Sizes{30'081'024, 2},
                                         Sizes{5'000'001, 16}));

}  // namespace
}  // namespace bantam::cpu
