// Supervised fine-tuning: cross-entropy on answers.
//
//   loss = Σ_t weight_t · -log p(id_t | id_0 … id_(t-1))  ÷  Σ_t weight_t,   t >= 1
//
// Weights come with the examples (data decides what an answer is).
#pragma once

#include "bantam/train/objective.h"

namespace bantam {

Objective sft_objective(const Spec& spec);

}  // namespace bantam
