// Classification by an encoder with a head for whole texts.
//
// Classes that exclude each other: cross-entropy,
//   loss = Σ weight · -log p(label | text)  ÷  Σ weight,   over texts
// and labels that apply or not, each for itself: binary cross-entropy, its mean over the labels,
//   loss = Σ weight · mean over labels of -log p(applies, or not | text)  ÷  Σ weight
// as transformers has them by problem_type.
//
// Figure: accuracy, the share of texts (by weight) whose likeliest class is their label; of labels
// for themselves, the share of their decisions at a probability of 0.5 that are right.
#pragma once

#include "bantam/train/objective.h"

namespace bantam {

Objective classify_objective(const Spec& spec);

}  // namespace bantam
