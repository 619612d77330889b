#include "bantam/train/step_plan.h"

#include <algorithm>
#include <cmath>

namespace bantam {
namespace {

constexpr std::int64_t kTimesARun = 10;

void plan_length(const TrainOptions& options, const PlanFacts& facts, StepPlan& plan) {
  if (options.length.steps) {
    plan.steps = *options.length.steps;
    return;
  }
  const std::int64_t steps_of_epochs = std::max<std::int64_t>(
      1,
      std::llround(std::ceil(
          options.length.epochs.value_or(3) * static_cast<double>(facts.steps_per_epoch) - 1e-9)));
  const std::string epochs_reason =
      fmt::format("{} epochs of {} steps: {} examples by {}", options.length.epochs.value_or(3),
                  with_commas(facts.steps_per_epoch), with_commas(facts.examples), options.batch);
  if (!options.length.budget) {
    plan.steps = steps_of_epochs;
    plan.reasons.push_back(fmt::format("steps {} ({})", with_commas(plan.steps), epochs_reason));
    return;
  }
  const double budget = options.length.budget->seconds;
  const double step_seconds = facts.tokens_per_step / facts.tokens_per_second;
  const double evaluation = facts.dev_tokens == 0
                                ? 0
                                : static_cast<double>(kTimesARun) * kForwardShare *
                                      facts.dev_tokens / facts.tokens_per_second;
  // Never more than a third of the budget for looking at dev examples.
  const double for_steps = budget - std::min(evaluation, budget / 3);
  plan.steps = std::llround(std::floor(for_steps / step_seconds));
  if (plan.steps < 1) {
    throw usage_error(
        "budget (--budget): {} has no room for one step of {:.0f} tokens, which takes {} here; "
        "give more time or a smaller --batch",
        format_duration(budget), facts.tokens_per_step, format_duration(step_seconds));
  }
  if (options.length.epochs && steps_of_epochs < plan.steps) {
    plan.reasons.push_back(fmt::format("steps {} ({}; the budget allows {})",
                                       with_commas(steps_of_epochs), epochs_reason,
                                       with_commas(plan.steps)));
    plan.steps = steps_of_epochs;
    return;
  }
  plan.reasons.push_back(fmt::format(
      "steps {} ({} for steps of {:.0f} tokens at {:.0f} tokens/s{}; {:.1f} epochs)",
      with_commas(plan.steps), format_duration(for_steps), facts.tokens_per_step,
      facts.tokens_per_second,
      evaluation > 0 ? fmt::format(", {} for evaluation", format_duration(budget - for_steps)) : "",
      static_cast<double>(plan.steps) / static_cast<double>(facts.steps_per_epoch)));
}

std::int64_t every(std::optional<std::int64_t> given, std::string_view what, StepPlan& plan) {
  if (given) return *given;
  const std::int64_t derived =
      std::max<std::int64_t>(1, (plan.steps + kTimesARun - 1) / kTimesARun);
  plan.reasons.push_back(fmt::format("{} {} ({} times a run)", what, derived, kTimesARun));
  return derived;
}

}  // namespace

StepPlan plan_steps(const TrainOptions& options, const PlanFacts& facts) {
  StepPlan plan;
  plan_length(options, facts, plan);
  if (facts.dev_tokens > 0) {
    plan.evaluate_every = every(options.evaluation.evaluate_every, "evaluate_every", plan);
  }
  plan.checkpoint_every = every(options.checkpoints.checkpoint_every, "checkpoint_every", plan);
  return plan;
}

Json StepPlan::to_json() const {
  return Json{
      {"steps", steps}, {"evaluate_every", evaluate_every}, {"checkpoint_every", checkpoint_every}};
}

StepPlan StepPlan::from_json(const Json& json) {
  StepPlan plan;
  plan.steps = json.at("steps").get<std::int64_t>();
  plan.evaluate_every = json.at("evaluate_every").get<std::int64_t>();
  plan.checkpoint_every = json.at("checkpoint_every").get<std::int64_t>();
  return plan;
}

}  // namespace bantam
