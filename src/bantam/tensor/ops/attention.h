// Scaled dot-product attention with grouped heads over ranges of visible keys; memory grows
// linearly with T.
#pragma once

#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"
#include "bantam/tensor/visibility.h"

namespace bantam {

/// q [T, H, E], k [S, G, E], v [S, G, E] with H a multiple of G (query head h reads key head h / (H
/// / G)) -> [T, H, E]. softmax over the visible keys of their scores (score_form.h), then the
/// weighted sum of v. Forward keeps one number per query and head (log-sum-exp); backward
/// recomputes the rest. Query t may see key rows visibility.ranges of t only; a query that sees
/// nothing yields zeros and sends no gradient (N2). Throws Error(input) naming shapes.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility,
                 ScoreForm form);
Tensor attention_composed(const Tensor& q, const Tensor& k, const Tensor& v,
                          const Visibility& visibility, ScoreForm form);

}  // namespace bantam
