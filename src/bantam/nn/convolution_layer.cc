#include "bantam/nn/convolution_layer.h"

#include <vector>

#include "bantam/base/error.h"
#include "bantam/tensor/ops.h"

namespace bantam {

Tensor neighbors(const Tensor& x, const AttentionPlan& plan, std::int64_t distance) {
  if (distance == 0) return x;
  const std::int64_t tokens = x.size(0);
  std::vector<std::int32_t> rows;  // row `tokens` is zeros
  for (std::int64_t token = 0; token < tokens; ++token) {
    const auto at = static_cast<std::size_t>(token);
    const std::int64_t position = plan.positions[at] + distance;
    const bool is_within = position >= 0 && position < plan.lengths[at];
    rows.push_back(static_cast<std::int32_t>(is_within ? token + distance : tokens));
  }
  const Tensor parts[] = {x, Tensor::zeros({1, x.size(1)}, x.dtype())};
  return index_rows(concatenate(parts, 0), Tensor::from(rows, {tokens}));
}

Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const AttentionPlan& plan) {
  const bool fits = x.rank() == 2 && weight.rank() == 3 && weight.size(1) == x.size(1) &&
                    weight.size(2) % 2 == 1 && x.size(0) == plan.tokens();
  if (!fits) {
    throw input_error(
        "convolution: expected x [T, D] of {} tokens and a weight [N, D, K] with K odd; found {} "
        "and {}",
        plan.tokens(), x.shape().text(), weight.shape().text());
  }
  const std::int64_t width = x.size(1), kernel = weight.size(2);
  // As the weight lies: a feature of all tokens, then the next feature.
  std::vector<Tensor> columns;
  for (std::int64_t k = 0; k < kernel; ++k) {
    columns.push_back(reshape(neighbors(x, plan, k - kernel / 2), {x.size(0), width, 1}));
  }
  const Tensor inputs = reshape(concatenate(columns, 2), {x.size(0), width * kernel});
  return linear(inputs, reshape(weight, {weight.size(0), width * kernel}), bias);
}

Tensor ConvolutionLayer::forward(const Tensor& x, const Tensor& states, const AttentionPlan& plan,
                                 Activation activation, float norm_epsilon, Taps* taps) const {
  const Tensor branch = convolution(tap(taps, site, ".in", x), weight, bias, plan);
  const Tensor sum = add(states, activate(activation, branch));
  return tap(taps, site, ".out", norm.forward(sum, NormKind::layer, norm_epsilon, taps));
}

}  // namespace bantam
