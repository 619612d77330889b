#include "bantam/model/causal_lm.h"

#include "bantam/tensor/ops.h"

namespace bantam {

Tensor CausalLM::logits(const Tensor& hidden, Taps* taps) const {
  const Tensor products = linear(tap(taps, "head", ".in", hidden), head_weight());
  Tensor scores = form_scores(products, logit_form());
  if (weights().head_bias.defined()) scores = add(scores, weights().head_bias);
  return tap(taps, "head", ".out", scores);
}

void CausalLM::prepare_answers() const {
  std::vector<Tensor> weights{head_weight()};
  if (config().experts.count == 0) {
    for (const LinearLayer* linear : linears()) weights.push_back(linear->weight);
  }
  bantam::prepare_answers(weights);
}

Batch make_batch(std::span<const std::vector<std::int32_t>> sequences) {
  Batch batch;
  std::vector<std::int64_t> lengths;
  for (const auto& sequence : sequences) {
    batch.tokens.insert(batch.tokens.end(), sequence.begin(), sequence.end());
    lengths.push_back(static_cast<std::int64_t>(sequence.size()));
  }
  batch.plan = AttentionPlan::causal(lengths);
  return batch;
}

}  // namespace bantam
