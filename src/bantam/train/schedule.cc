#include "bantam/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "bantam/train/spec_options.h"

namespace bantam {
namespace {

double ratio(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(1, whole));
}

double half_cosine(double share) { return 0.5 * (1 + std::cos(std::numbers::pi * share)); }

double constant(const ScheduleTimes& t, std::int64_t step) {
  return step < t.warmup ? ratio(step, t.warmup) : 1;
}

double linear(const ScheduleTimes& t, std::int64_t step) {
  if (step < t.warmup) return ratio(step, t.warmup);
  return std::max(0.0, ratio(t.steps - step, t.steps - t.warmup));
}

double cosine(const ScheduleTimes& t, std::int64_t step) {
  if (step < t.warmup) return ratio(step, t.warmup);
  const double shape = half_cosine(ratio(step - t.warmup, t.steps - t.warmup));
  return t.minimum + (1 - t.minimum) * std::max(0.0, shape);
}

double wsd(const ScheduleTimes& t, std::int64_t step) {
  if (step < t.warmup) return t.minimum + (1 - t.minimum) * ratio(step, t.warmup);
  const std::int64_t into_decay = step - (t.steps - t.decay);
  if (into_decay < 0) return 1;
  const double share = ratio(into_decay, t.decay);
  const double shape = t.shape == "cosine"   ? half_cosine(share)
                       : t.shape == "1-sqrt" ? 1 - std::sqrt(share)
                                             : 1 - share;
  return t.minimum + (1 - t.minimum) * std::max(0.0, shape);
}

// "3%" of `steps`, rounded up as transformers does, or a number of steps.
std::int64_t steps_of(std::string_view text, std::string_view key, std::int64_t steps) {
  try {
    if (text.find_first_of("%.") == std::string_view::npos) {
      const std::int64_t count = parse_count(text);
      if (count < 0) throw usage_error("expected at least 0");
      return count;
    }
    const double share = options_detail::read_number(key, Json(std::string(text)), 1);
    if (!(share >= 0 && share <= 1)) throw usage_error("expected a share from 0% to 100%");
    return static_cast<std::int64_t>(std::ceil(share * static_cast<double>(steps)));
  } catch (const Error& error) {
    throw usage_error(
        "schedule: {} must be steps or a share of them (\"100\", \"3%\"), found "
        "'{}'",
        key, escaped(text, 60));
  }
}

}  // namespace

template <>
void describe(Describer<ScheduleOptions>& d) {
  d(&ScheduleOptions::warmup, "warmup", "Steps of linear warm-up, or a share of all steps (3%).");
  d(&ScheduleOptions::decay, "decay", "wsd: steps of the final decay, or a share of all steps.");
  d(&ScheduleOptions::minimum, "minimum", "cosine and wsd: smallest factor of the peak rate.",
    between(0.0, 1.0));
  d(&ScheduleOptions::shape, "shape", "wsd: how the rate falls.",
    OneOf{{"linear", "cosine", "1-sqrt"}});
}

const Registry<ScheduleFactor>& schedules() {
  static const Registry<ScheduleFactor> list{
      "schedule",
      {
          {"constant", "The peak rate, after warm-up.", constant},
          {"linear", "Falls to zero along a line.", linear},
          {"cosine", "Falls along half a cosine, to zero or to `minimum`.", cosine},
          {"wsd", "Warm-up, stable, decay: the peak rate until the last `decay` steps.", wsd},
      }};
  return list;
}

Schedule::Schedule(std::string_view text) {
  const Spec spec = parse_spec(text);
  name_ = spec.name;
  function_ = schedules().find(spec.name);
  std::vector<Option> options = options_of(options_);
  apply_spec(spec, options, "schedule", "warmup");
  plan(std::int64_t{1} << 40);  // refuses words that are no number of steps before any work
}

void Schedule::plan(std::int64_t steps) {
  ScheduleTimes times;
  times.steps = steps;
  times.warmup = steps_of(options_.warmup, "warmup", steps);
  times.decay = name_ == "wsd" ? steps_of(options_.decay, "decay", steps) : 0;
  times.minimum = options_.minimum;
  times.shape = options_.shape;
  if (times.warmup > steps) {
    throw usage_error(
        "schedule {}: warmup={} is {} steps, but the run has {}; expected at most "
        "that many",
        name_, options_.warmup, times.warmup, steps);
  }
  if (times.warmup + times.decay > steps) {
    // Shares that were rounded up may overlap by a step or two in very short runs; numbers of steps
    // may not.
    if (times.warmup + times.decay > steps + 2 || options_.decay.find('%') == std::string::npos) {
      throw usage_error("schedule {}: warmup ({} steps) and decay ({} steps) exceed the run's {}",
                        name_, times.warmup, times.decay, steps);
    }
    times.decay = steps - times.warmup;
  }
  times_ = times;
}

}  // namespace bantam
