// Token classification by an encoder with a token head: cross-entropy over the tags.
//
//   loss = Σ weight · -log p(tag | text, token)  ÷  Σ weight,   over the tokens with a weight
//
// as transformers' models for token classification have it, whose labels are -100 elsewhere.
// Figure: accuracy, the share of those tokens (by weight) whose likeliest tag is theirs.
#pragma once

#include "bantam/train/objective.h"

namespace bantam {

Objective tag_objective(const Spec& spec);

}  // namespace bantam
