#include "bantam/train/objectives/sft.h"

#include "bantam/train/spec_options.h"
#include "bantam/train/token_loss.h"

namespace bantam {

Objective sft_objective(const Spec& spec) {
  apply_spec(spec, {}, "objective");
  const TokenWeight weight = [](const Example& example, std::size_t t) {
    return example.weights[t];
  };
  return {
      .target_weight = [weight](const Example& example) { return sum_weights(example, weight); },
      .loss =
          [weight](const MicroBatch& batch, const TrainableModel& model, const ObjectiveContext&) {
            return token_loss(batch, model.as<CausalLM>("sft"), weight);
          },
  };
}

}  // namespace bantam
