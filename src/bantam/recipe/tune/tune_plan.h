// From rows, model and budget to every number of the training run, each with the rule it came from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bantam/data/example.h"
#include "bantam/model/causal_lm.h"
#include "bantam/recipe/tune/tune_options.h"
#include "bantam/train/train_options.h"

namespace bantam {

/// One choice as people read it.
struct PlanLine {
  std::string name, value, rule;
};

struct TunePlan {
  TrainOptions train;
  LoraOptions lora;
  std::vector<PlanLine> lines;
};

/// Pure: the same inputs give the same plan.
TunePlan derive_plan(const TuneOptions& options, const CausalLM& model,
                     std::span<const Example> train, bool is_classification, std::int64_t seed);

}  // namespace bantam
