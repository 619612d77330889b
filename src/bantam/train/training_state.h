// What a training run has reached: the part of a checkpoint that is neither weights nor optimizer
// state. Nothing in it depends on time.
#pragma once

#include <cstdint>
#include <optional>

#include "bantam/base/json.h"
#include "bantam/train/step_plan.h"

namespace bantam {

struct Evaluation {
  std::int64_t step = -1;  ///< steps taken before it
  double loss = 0;         ///< on dev examples; NaN without any
  double value = 0;        ///< what decides, higher is better: the hook's value, else -loss
};

struct TrainingState {
  std::optional<StepPlan> plan;
  std::int64_t step = 0;     ///< steps taken, skipped ones included; data and schedule follow it
  std::int64_t updates = 0;  ///< steps that moved weights
  std::int64_t empty_steps = 0;
  std::int64_t tokens = 0;
  double last_loss = 0;  ///< of the last step with a finite one
  std::optional<Evaluation> best;
  int evaluations_since_best = 0;

  Json to_json() const;
  /// Throws nlohmann's exception for missing keys or wrong types: the caller verified the file.
  static TrainingState from_json(const Json& json);
};

}  // namespace bantam
