#include "bantam/stats/paired_tests.h"

#include <gtest/gtest.h>

#include <vector>

#include "bantam/base/error.h"
#include "tests/stats/golden.h"

namespace bantam {
namespace {

McNemar mcnemar_of_counts(int fixed, int broken) {
  std::vector<std::uint8_t> before{1, 0},
      after{1, 0};  // one item right twice, one wrong twice: neither matters
  before.insert(before.end(), static_cast<std::size_t>(fixed), 0);
  after.insert(after.end(), static_cast<std::size_t>(fixed), 1);
  before.insert(before.end(), static_cast<std::size_t>(broken), 1);
  after.insert(after.end(), static_cast<std::size_t>(broken), 0);
  return mcnemar(before, after);
}

TEST(McNemar, GivesTheExactBinomialProbabilityOfScipy) {
  for (const Json& golden : stats_golden()["mcnemar"]) {
    const McNemar test = mcnemar_of_counts(golden["fixed"].get<int>(), golden["broken"].get<int>());
    EXPECT_EQ(test.fixed, golden["fixed"].get<int>());
    EXPECT_EQ(test.broken, golden["broken"].get<int>());
    EXPECT_NEAR(test.p, golden["p"].get<double>(), 1e-9 * golden["p"].get<double>())
        << golden.dump();
  }
}

TEST(McNemar, IsCertainOfNothingWhenNothingChanged) {
  EXPECT_EQ(mcnemar_of_counts(0, 0).p, 1);
  EXPECT_EQ(mcnemar({}, {}).p, 1);
}

TEST(McNemar, RefusesDifferentItems) {
  EXPECT_THROW(mcnemar(std::vector<std::uint8_t>{1}, std::vector<std::uint8_t>{1, 0}), Error);
}

}  // namespace
}  // namespace bantam
