// Fine-tuning of encoder-decoders: cross-entropy on the tokens of the answer.
//
//   loss = Σ_t weight_t · -log p(id_t | source, id_0 … id_(t-1))  ÷  Σ_t weight_t,   t >= 1
//
// id_0 is the token that the decoder begins with. Parameters: label_smoothing (0), see
// answer_loss().
#pragma once

#include "bantam/train/objective.h"

namespace bantam {

Objective seq2seq_objective(const Spec& spec);

}  // namespace bantam
