#include "bantam/stats/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "bantam/base/error.h"

namespace bantam {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest_entry(const Vector& v) {
  double largest = 0;
  for (const double entry : v) largest = std::max(largest, std::abs(entry));
  return largest;
}

struct Pair {
  Vector step, change;       // s = x' - x, y = g' - g
  double inverse_curvature;  // 1 / (s . y)
};

/// -H g by the two-loop recursion (algorithm 7.4), H0 = (s.y / y.y) I.
Vector descent_direction(const Vector& gradient, const std::deque<Pair>& pairs) {
  Vector q = gradient;
  Vector alphas(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    alphas[i] = pairs[i].inverse_curvature * dot(pairs[i].step, q);
    for (std::size_t j = 0; j < q.size(); ++j) q[j] -= alphas[i] * pairs[i].change[j];
  }
  if (!pairs.empty()) {
    const Pair& last = pairs.back();
    const double scale = 1 / (last.inverse_curvature * dot(last.change, last.change));
    for (double& entry : q) entry *= scale;
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double beta = pairs[i].inverse_curvature * dot(pairs[i].change, q);
    for (std::size_t j = 0; j < q.size(); ++j) q[j] += (alphas[i] - beta) * pairs[i].step[j];
  }
  for (double& entry : q) entry = -entry;
  return q;
}

/// The function along a ray: value and slope at x + a d, remembering the last point evaluated.
class Ray {
 public:
  Ray(const SmoothFunction& function, const Vector& origin, const Vector& direction)
      : function_(function),
        origin_(origin),
        direction_(direction),
        point(origin.size()),
        gradient(origin.size()) {}

  void move_to(double a) {
    for (std::size_t i = 0; i < point.size(); ++i) point[i] = origin_[i] + a * direction_[i];
    std::fill(gradient.begin(), gradient.end(), 0.0);
    value = function_(point, gradient);
    slope = dot(gradient, direction_);
  }

 private:
  const SmoothFunction& function_;
  const Vector& origin_;
  const Vector& direction_;

 public:
  Vector point, gradient;
  double value = 0, slope = 0;
};

struct Sample {
  double at, value, slope;
};

/// Minimum of the cubic through two samples, kept inside the bracket away from its ends
/// (equation 3.59).
double cubic_minimum(const Sample& a, const Sample& b) {
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.at - b.at);
  const double discriminant = d1 * d1 - a.slope * b.slope;
  const double low = std::min(a.at, b.at), width = std::abs(b.at - a.at);
  if (!(discriminant >= 0)) return low + width / 2;
  const double d2 = std::copysign(std::sqrt(discriminant), b.at - a.at);
  const double minimum = b.at - (b.at - a.at) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  if (!std::isfinite(minimum)) return low + width / 2;
  return std::clamp(minimum, low + 0.1 * width, low + 0.9 * width);
}

/// A step that meets the strong Wolfe conditions with c1 = 1e-4, c2 = 0.9, or at least lowers the
/// value. The ray is left at that step. Returns false when no such step was found.
bool line_search(Ray& ray, double start_value, double start_slope, double first_step) {
  constexpr double kSufficient = 1e-4, kCurvature = 0.9;
  constexpr int kMaxTries = 40;
  Sample low{0, start_value, start_slope};
  Sample high{};
  bool bracketed = false;
  double a = first_step;
  for (int i = 0; i < kMaxTries; ++i) {
    ray.move_to(a);
    const Sample here{a, ray.value, ray.slope};
    const bool too_high =
        !(here.value <= start_value + kSufficient * a * start_slope) || here.value >= low.value;
    if (too_high) {
      high = here;
      bracketed = true;
    } else if (std::abs(here.slope) <= -kCurvature * start_slope) {
      return true;
    } else {
      // The minimum lies behind when the slope points back: `low` becomes the far end of the
      // bracket.
      if (bracketed ? here.slope * (high.at - low.at) >= 0 : here.slope >= 0) {
        high = low;
        bracketed = true;
      }
      low = here;
    }
    if (!bracketed) {
      a *= 2;
    } else if (std::isfinite(high.value)) {
      a = cubic_minimum(low, high);
    } else {
      a = (low.at + high.at) / 2;
    }
    if (bracketed && std::abs(high.at - low.at) < 1e-14 * std::max(1.0, low.at)) break;
  }
  if (low.at == 0) return false;
  ray.move_to(low.at);
  return ray.value < start_value;
}

void remember(std::deque<Pair>& pairs, const Vector& x, const Vector& gradient, const Ray& ray,
              int history) {
  Pair pair{Vector(x.size()), Vector(x.size()), 0};
  for (std::size_t i = 0; i < x.size(); ++i) {
    pair.step[i] = ray.point[i] - x[i];
    pair.change[i] = ray.gradient[i] - gradient[i];
  }
  const double curvature = dot(pair.step, pair.change);
  if (!(curvature > 0)) return;  // would make the metric indefinite
  pair.inverse_curvature = 1 / curvature;
  pairs.push_back(std::move(pair));
  if (pairs.size() > static_cast<std::size_t>(history)) pairs.pop_front();
}

}  // namespace

LbfgsResult minimize_lbfgs(const SmoothFunction& function, std::span<double> x,
                           const LbfgsOptions& options) {
  Vector position(x.begin(), x.end()), gradient(x.size());
  LbfgsResult result;
  result.value = function(position, gradient);
  result.largest_gradient = largest_entry(gradient);
  if (!std::isfinite(result.value) || !std::isfinite(dot(gradient, gradient))) {
    throw input_error("lbfgs: the function or its gradient is not finite at the start");
  }
  std::deque<Pair> pairs;
  while (result.largest_gradient > options.tolerance &&
         result.iterations < options.max_iterations) {
    Vector direction = descent_direction(gradient, pairs);
    double slope = dot(gradient, direction);
    if (!(slope < 0)) {  // rounding spoiled the metric: start again from steepest descent
      pairs.clear();
      direction = descent_direction(gradient, pairs);
      slope = dot(gradient, direction);
    }
    const double first_step = pairs.empty() ? std::min(1.0, 1.0 / std::sqrt(-slope)) : 1.0;
    Ray ray(function, position, direction);
    if (!line_search(ray, result.value, slope, first_step)) break;
    remember(pairs, position, gradient, ray, options.history);
    position = ray.point;
    gradient = ray.gradient;
    result.value = ray.value;
    result.largest_gradient = largest_entry(gradient);
    ++result.iterations;
  }
  result.converged = result.largest_gradient <= options.tolerance;
  std::copy(position.begin(), position.end(), x.begin());
  return result;
}

}  // namespace bantam
