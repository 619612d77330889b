#include "bantam/train/objectives/sft.h"

#include "bantam/train/token_loss.h"

namespace bantam {

Objective sft_objective() {
  const TokenWeight weight = [](const Example& example, std::size_t t) {
    return example.weights[t];
  };
  return {
      .target_weight = [weight](const Example& example) { return sum_weights(example, weight); },
      .loss = [weight](const MicroBatch& batch, CausalLM& model,
                       const ObjectiveContext&) { return token_loss(batch, model, weight); },
  };
}

}  // namespace bantam
