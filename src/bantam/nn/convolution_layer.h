// A convolution along texts: what a token becomes is a linear of its own features and its
// neighbors'.
#pragma once

#include <string>

#include "bantam/nn/activation.h"
#include "bantam/nn/attention_plan.h"
#include "bantam/nn/norm_layer.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// DeBERTa's (arXiv:2006.03654, transformers' modeling_deberta_v2.py): beside the first layer, of
/// the same input.
struct ConvolutionPart {
  std::int64_t kernel = 0;  ///< tokens that it reads, odd; 0: the model has none
  Activation activation = Activation::tanh;
};

struct ConvolutionLayer {
  std::string site;  ///< taps: site + ".in", site + ".out"
  Tensor weight;     ///< [D, D, K], the K tokens around the one it makes
  Tensor bias;       ///< [D] or undefined
  NormLayer norm;    ///< of the sum

  bool present() const { return weight.defined(); }
  /// norm(states + activation(convolution(x))), x and states [T, D].
  Tensor forward(const Tensor& x, const Tensor& states, const AttentionPlan& plan,
                 Activation activation, float norm_epsilon, Taps* taps) const;
};

/// Of each token of x [T, D] the features of the token `distance` behind it, before it where
/// negative; zeros where its text has none.
Tensor neighbors(const Tensor& x, const AttentionPlan& plan, std::int64_t distance);

/// x [T, D], weight [N, D, K] with K odd, bias [N] or undefined -> [T, N]: the sum over k of
/// weight[:, :, k] · neighbors(x, k - K / 2).
Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const AttentionPlan& plan);

}  // namespace bantam
