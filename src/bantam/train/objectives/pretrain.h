// Pre-training, from scratch or continued: next-token cross-entropy on every token but the first.
//
//   loss = Σ_t -log p(id_t | id_0 … id_(t-1))  ÷  number of such t,   t >= 1
#pragma once

#include "bantam/train/objective.h"

namespace bantam {

Objective pretrain_objective(const Spec& spec);

}  // namespace bantam
