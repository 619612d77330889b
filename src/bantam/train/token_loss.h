// The weighted token cross-entropy that objectives on text share.
#pragma once

#include <cstddef>

#include "bantam/model/causal_lm.h"
#include "bantam/train/micro_batch.h"
#include "bantam/train/objective.h"

namespace bantam {

/// Weight of predicting ids[t] of an example, t >= 1.
using TokenWeight = float (*)(const Example& example, std::size_t t);

/// Σ weight over t >= 1.
double sum_weights(const Example& example, TokenWeight weight);

/// Σ weight · token loss over the micro-batch. Tokens after an example's last target are not fed to
/// the model, and the output head is applied only where something is predicted: most tokens of a
/// prompt have no target. Throws Error(input) naming the example when ids and weights differ in
/// number.
Loss token_loss(const MicroBatch& batch, CausalLM& model, TokenWeight weight);

}  // namespace bantam
