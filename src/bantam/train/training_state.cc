#include "bantam/train/training_state.h"

#include <cmath>
#include <limits>

namespace bantam {
namespace {

// JSON has no NaN: null stands for "no number".
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

double number_from(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

}  // namespace

Json TrainingState::to_json() const {
  Json json{{"step", step},
            {"updates", updates},
            {"empty_steps", empty_steps},
            {"tokens", tokens},
            {"last_loss", number(last_loss)},
            {"evaluations_since_best", evaluations_since_best}};
  if (plan) json["plan"] = plan->to_json();
  if (best) {
    json["best"] = {
        {"step", best->step}, {"loss", number(best->loss)}, {"value", number(best->value)}};
  }
  return json;
}

TrainingState TrainingState::from_json(const Json& json) {
  TrainingState state;
  state.step = json.at("step").get<std::int64_t>();
  state.updates = json.at("updates").get<std::int64_t>();
  state.empty_steps = json.at("empty_steps").get<std::int64_t>();
  state.tokens = json.at("tokens").get<std::int64_t>();
  state.last_loss = number_from(json.at("last_loss"));
  state.evaluations_since_best = json.at("evaluations_since_best").get<int>();
  if (json.contains("plan")) state.plan = StepPlan::from_json(json["plan"]);
  if (json.contains("best")) {
    const Json& best = json["best"];
    state.best = {best.at("step").get<std::int64_t>(), number_from(best.at("loss")),
                  number_from(best.at("value"))};
  }
  return state;
}

}  // namespace bantam
