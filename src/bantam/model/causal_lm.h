// A causal language model: a transformer whose tokens see what came before, with an output head.
#pragma once

#include <span>
#include <vector>

#include "bantam/model/transformer.h"

namespace bantam {

class CausalLM : public Transformer {
 public:
  using Transformer::Transformer;

  /// Rows of hidden states -> logits [n, V].
  Tensor logits(const Tensor& hidden, Taps* taps = nullptr) const;
  /// The output head [V, D]: what linear_cross_entropy reads, with logit_form().
  const Tensor& head_weight() const {
    return config().tied_head ? weights().embedding : weights().head.weight;
  }
  /// Arranges weights for answering, all at once; the experts of a mixture wait until they are
  /// used.
  void prepare_answers() const;
  /// [1, V], added to the scores of the head; undefined in most models.
  const Tensor& head_bias() const { return weights().head_bias; }
  ScoreForm logit_form() const { return config().logit_form(); }
};

/// The batch of whole sequences, each token seeing itself and what came before it in its own.
Batch make_batch(std::span<const std::vector<std::int32_t>> sequences);

}  // namespace bantam
