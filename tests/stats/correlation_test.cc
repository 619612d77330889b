#include "bantam/stats/correlation.h"

#include <gtest/gtest.h>

#include <vector>

#include "bantam/base/error.h"
#include "tests/stats/golden.h"

namespace bantam {
namespace {

TEST(Correlation, MatchesSciPy) {
  for (const Json& one : prediction_scores_golden()["correlation"]) {
    const auto a = one["a"].get<std::vector<double>>(), b = one["b"].get<std::vector<double>>();
    EXPECT_NEAR(spearman_correlation(a, b), one["spearman"].get<double>(), 1e-12);
    EXPECT_NEAR(root_mean_square_error(a, b), one["rmse"].get<double>(), 1e-12);
  }
}

TEST(Correlation, RefusesWhatHasNone) {
  const std::vector<double> one = {1}, two = {1, 2};
  EXPECT_THROW(spearman_correlation(one, one), Error);
  EXPECT_THROW(spearman_correlation(one, two), Error);
  EXPECT_THROW(root_mean_square_error({}, {}), Error);
}

}  // namespace
}  // namespace bantam
