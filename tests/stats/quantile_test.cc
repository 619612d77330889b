#include "bantam/stats/quantile.h"

#include <gtest/gtest.h>

#include <vector>

#include "bantam/base/error.h"
#include "tests/stats/golden.h"

namespace bantam {
namespace {

TEST(Quantile, InterpolatesLikeNumpy) {
  const Json& golden = stats_golden()["quantiles"];
  const auto sorted = golden["sorted"].get<std::vector<double>>();
  for (std::size_t i = 0; i < golden["fractions"].size(); ++i) {
    EXPECT_NEAR(quantile_of_sorted(sorted, golden["fractions"][i].get<double>()),
                golden["values"][i].get<double>(), 1e-12);
  }
}

TEST(Quantile, OfNothingIsAnError) { EXPECT_THROW(quantile_of_sorted({}, 0.5), Error); }

TEST(Quantile, RefusesAFractionOutsideZeroToOne) {
  const std::vector<double> sample{1, 2};
  EXPECT_THROW(quantile_of_sorted(sample, 1.5), Error);
}

}  // namespace
}  // namespace bantam
