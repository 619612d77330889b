// Learning-rate schedules: a factor in [0, 1] for each step, multiplied with the peak rate.
//
// s = 0 … N-1 counts optimizer steps, W are warm-up steps, D decay steps, m the minimum factor. The
// formulas are those of transformers' get_scheduler, warm-up included: the first step of a warm-up
// has factor 0.
//
//   warm-up    s < W:  s / max(1, W)
//   constant   1
//   linear     max(0, (N - s) / max(1, N - W))
//   cosine     m + (1 - m) (1 + cos(π p)) / 2,   p = (s - W) / max(1, N - W)
//   wsd        1 until N - D, then m + (1 - m) f(q),  q = (s - (N - D)) / max(1, D)
//              shape linear: f = 1 - q;  cosine: f = (1 + cos(π q)) / 2;  1-sqrt: f = 1 - sqrt(q)
//              (warm-up, stable, decay: arXiv:2404.06395)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bantam/base/options.h"

namespace bantam {

/// What a schedule's spec says: "cosine:warmup=3%,minimum=0.1", "wsd:1%,decay=10%,shape=1-sqrt".
struct ScheduleOptions {
  std::string warmup = "0";  ///< steps, or a share of all steps ("3%", rounded up)
  std::string decay = "10%";
  double minimum = 0;
  std::string shape = "linear";
};

template <>
void describe(Describer<ScheduleOptions>& d);

/// A schedule over a known number of steps.
struct ScheduleTimes {
  std::int64_t steps = 0, warmup = 0, decay = 0;
  double minimum = 0;
  std::string shape;
};

using ScheduleFactor = double (*)(const ScheduleTimes& times, std::int64_t step);

/// Every schedule, in a list one can read.
const Registry<ScheduleFactor>& schedules();

class Schedule {
 public:
  /// Throws Error(usage) for an unknown name, key or value.
  explicit Schedule(std::string_view spec);
  /// Fixes the number of steps. Throws Error(usage) when warm-up, or warm-up and decay, take more
  /// steps than there are.
  void plan(std::int64_t steps);
  /// The factor of step 0 … steps-1; plan() first.
  double factor(std::int64_t step) const { return function_(times_, step); }
  const ScheduleTimes& times() const { return times_; }

 private:
  std::string name_;
  ScheduleOptions options_;
  ScheduleFactor function_;
  ScheduleTimes times_;
};

}  // namespace bantam
