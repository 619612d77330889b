#include "bantam/stats/lbfgs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bantam/base/error.h"

namespace bantam {
namespace {

TEST(Lbfgs, FindsTheMinimumOfRosenbrocksValley) {
  std::vector<double> x{-1.2, 1, -1.2, 1};
  const auto result = minimize_lbfgs(
      [](std::span<const double> x, std::span<double> g) {
        double sum = 0;
        for (std::size_t i = 0; i + 1 < x.size(); i += 2) {
          const double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
          sum += a * a + 100 * b * b;
          g[i] += -2 * a - 400 * x[i] * b;
          g[i + 1] += 200 * b;
        }
        return sum;
      },
      x, {.tolerance = 1e-9});
  EXPECT_TRUE(result.converged);
  for (const double entry : x) EXPECT_NEAR(entry, 1, 1e-8);
  EXPECT_LT(result.iterations, 100);
}

TEST(Lbfgs, SolvesABadlyScaledQuadratic) {
  std::vector<double> x(50, 1.0);
  const auto result = minimize_lbfgs(
      [](std::span<const double> x, std::span<double> g) {
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double scale = std::pow(10.0, static_cast<double>(i % 5));
          sum += 0.5 * scale * (x[i] - 3) * (x[i] - 3);
          g[i] += scale * (x[i] - 3);
        }
        return sum;
      },
      x, {.tolerance = 1e-8});
  EXPECT_TRUE(result.converged);
  for (const double entry : x) EXPECT_NEAR(entry, 3, 1e-7);
}

TEST(Lbfgs, StepsBackFromWhereTheFunctionIsNotFinite) {
  std::vector<double> x{0.5};  // x - ln(x): infinite at 0, undefined below
  const auto result = minimize_lbfgs(
      [](std::span<const double> x, std::span<double> g) {
        g[0] += 1 - 1 / x[0];
        return x[0] - std::log(x[0]);
      },
      x);
  EXPECT_TRUE(result.converged);
  EXPECT_NEAR(x[0], 1, 1e-5);
}

TEST(Lbfgs, StopsAtTheLimitAndSaysSo) {
  std::vector<double> x{-1.2, 1};
  const auto result = minimize_lbfgs(
      [](std::span<const double> x, std::span<double> g) {
        const double b = x[1] - x[0] * x[0];
        g[0] += -2 * (1 - x[0]) - 400 * x[0] * b;
        g[1] += 200 * b;
        return (1 - x[0]) * (1 - x[0]) + 100 * b * b;
      },
      x, {.max_iterations = 3});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.iterations, 3);
}

TEST(Lbfgs, RefusesAStartThatIsNotFinite) {
  std::vector<double> x{1};
  const auto nothing = [](std::span<const double>, std::span<double>) {
    return std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_THROW(minimize_lbfgs(nothing, x), Error);
}

}  // namespace
}  // namespace bantam
