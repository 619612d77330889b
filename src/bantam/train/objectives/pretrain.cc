#include "bantam/train/objectives/pretrain.h"

#include "bantam/train/token_loss.h"

namespace bantam {

Objective pretrain_objective() {
  const TokenWeight weight = [](const Example&, std::size_t) { return 1.0f; };
  return {
      .target_weight = [weight](const Example& example) { return sum_weights(example, weight); },
      .loss = [weight](const MicroBatch& batch, CausalLM& model,
                       const ObjectiveContext&) { return token_loss(batch, model, weight); },
  };
}

}  // namespace bantam
