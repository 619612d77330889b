#include "bantam/train/objectives/pretrain.h"

#include "bantam/train/spec_options.h"
#include "bantam/train/token_loss.h"

namespace bantam {

Objective pretrain_objective(const Spec& spec) {
  apply_spec(spec, {}, "objective");
  const TokenWeight weight = [](const Example&, std::size_t) { return 1.0f; };
  return {
      .target_weight = [weight](const Example& example) { return sum_weights(example, weight); },
      .loss =
          [weight](const MicroBatch& batch, const TrainableModel& model, const ObjectiveContext&) {
            return token_loss(batch, model.as<CausalLM>("pretrain"), weight);
          },
  };
}

}  // namespace bantam
