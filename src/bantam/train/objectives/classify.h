// Classification by an encoder with a sequence head: cross-entropy over the classes.
//
//   loss = Σ weight · -log p(label | text)  ÷  Σ weight,   over texts
//
// Figure: accuracy, the share of texts (by weight) whose likeliest class is their label.
#pragma once

#include "bantam/train/objective.h"

namespace bantam {

Objective classify_objective(const Spec& spec);

}  // namespace bantam
