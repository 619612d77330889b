// How many optimizer steps a run takes, and when it evaluates and saves: derived once, stored in
// the first checkpoint, never derived again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/train/train_options.h"

namespace bantam {

struct StepPlan {
  std::int64_t steps = 0;
  std::int64_t evaluate_every = 0;        ///< 0: never
  std::int64_t checkpoint_every = 0;      ///< 0: never
  std::vector<std::string> reasons = {};  ///< one sentence for each derived value

  Json to_json() const;
  static StepPlan from_json(const Json& json);
};

/// What the plan is derived from.
struct PlanFacts {
  std::int64_t examples = 0;
  std::int64_t steps_per_epoch = 0;
  double tokens_per_step = 0;  ///< mean
  double dev_tokens = 0;
  double tokens_per_second = 0;  ///< measured; needed only when a budget is given
};

/// Evaluating costs a forward pass: about a third of training on the same tokens.
inline constexpr double kForwardShare = 1.0 / 3;

/// Throws Error(usage) when a budget has no room for a single step.
StepPlan plan_steps(const TrainOptions& options, const PlanFacts& facts);

}  // namespace bantam
