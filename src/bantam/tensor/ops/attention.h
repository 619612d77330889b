// Scaled dot-product attention with grouped heads over ranges of visible keys; memory grows
// linearly with T.
#pragma once

#include <string_view>

#include "bantam/tensor/relative_bias.h"
#include "bantam/tensor/score_form.h"
#include "bantam/tensor/tensor.h"
#include "bantam/tensor/visibility.h"

namespace bantam {

/// q [T, H, E], k [S, G, E], v [S, G, E] with H a multiple of G (query head h reads key head h / (H
/// / G)) -> [T, H, E]. softmax over the visible keys of their scores (score_form.h), then the
/// weighted sum of v. Forward keeps one number per query and head (log-sum-exp); backward
/// recomputes the rest. Query t may see key rows visibility.ranges of t only; a query that sees
/// nothing yields zeros and sends no gradient (N2). A relative bias (relative_bias.h) is added
/// before a cap and gets its gradient. With attention_precision() i16, 64 queries or more that see
/// many keys are formed in integers, each row with a scale of its own: about ten times as exact as
/// in bf16. With bf16 tiles form them where there is neither bias nor cap; a hidden value that is no
/// number may then show where one near it is seen. Throws Error(input) naming shapes.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility,
                 ScoreForm form, const RelativeBias& bias = {});
Tensor attention_composed(const Tensor& q, const Tensor& k, const Tensor& v,
                          const Visibility& visibility, ScoreForm form,
                          const RelativeBias& bias = {});
/// Throws Error(input) when the bias does not fit that many heads, or a side has another number of
/// rows than 1 and its own.
void check_relative_bias(std::string_view op, const RelativeBias& bias, const Tensor& q,
                         std::int64_t keys);

}  // namespace bantam
