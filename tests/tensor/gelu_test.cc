// The vector kernel of GELU against the standard library's error function in f64.
#include "bantam/tensor/cpu/gelu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace bantam {
namespace {

std::vector<float> points() {
  std::vector<float> x;
  for (float v = -12; v <= 12; v += 0.00317f) x.push_back(v);
  return x;
}

double below(double x) { return 0.5 * (1 + std::erf(x / std::numbers::sqrt2)); }

TEST(GeluRow, IsWithinRoundingOfTheErrorFunction) {
  const std::vector<float> x = points();
  std::vector<float> y(x.size());
  cpu::gelu_row(x.data(), y.data(), std::ssize(x));
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Φ within three units in the last place of 1, times x.
    EXPECT_NEAR(y[i], x[i] * below(x[i]), 3e-7 * std::max(1.0f, std::abs(x[i]))) << x[i];
  }
}

TEST(GeluRow, ItsGradientIsTheSlope) {
  const std::vector<float> x = points(), dy(x.size(), 2.0f);
  std::vector<float> dx(x.size());
  cpu::gelu_gradient_row(dy.data(), x.data(), dx.data(), std::ssize(x));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    const double density = std::exp(-0.5 * v * v) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    EXPECT_NEAR(dx[i], 2 * (below(v) + v * density), 1e-6) << v;
  }
}

TEST(GeluRow, KeepsWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {std::nanf(""), infinity, 1e30f};
  std::vector<float> y(x.size());
  cpu::gelu_row(x.data(), y.data(), std::ssize(x));
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], infinity);
  EXPECT_EQ(y[2], 1e30f);
}

}  // namespace
}  // namespace bantam
