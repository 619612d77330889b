// The weighted token cross-entropy that objectives on text share.
#pragma once

#include <cstddef>

#include "bantam/model/seq2seq.h"
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

/// The same of answers to the examples' sources. With label smoothing ε (arXiv:1512.00567, section
/// 7, as the LabelSmoother of transformers) a token's loss is (1 - ε) · -log p(token) plus ε times
/// the mean of -log p over the vocabulary; the scores of all targets are then in memory at once.
Loss answer_loss(const MicroBatch& batch, Seq2SeqModel& model, TokenWeight weight,
                 double label_smoothing);

}  // namespace bantam
