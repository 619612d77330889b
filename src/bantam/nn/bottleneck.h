// The narrow middle of a layer of MobileBERT (arXiv:2004.02984, section 3.1): a linear leads in,
// attention and several feed-forwards work at that width, and a linear leads out again.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/nn/feed_forward_layer.h"
#include "bantam/nn/forward_context.h"
#include "bantam/nn/linear_layer.h"
#include "bantam/nn/norm_layer.h"

namespace bantam {

/// A feed-forward of the stack, x = norm(x + feed_forward(x)).
struct StackedFeedForward {
  FeedForwardLayer feed_forward;
  NormLayer norm;
};

struct Bottleneck {
  LinearLayer in;  ///< [d, D]
  NormLayer in_norm;
  LinearLayer query_in;  ///< [d, D] of what queries and keys are made of; or absent
  NormLayer query_in_norm;
  std::vector<StackedFeedForward> stack;  ///< in front of the layer's own feed-forward
  LinearLayer out;                        ///< [D, d]
  NormLayer out_norm;                     ///< of the sum with the layer's input

  bool present() const { return in.weight.defined(); }
  struct Inputs {
    Tensor narrow;  ///< [T, d] what the layer works on
    Tensor query;   ///< what queries and keys are made of
    Tensor value;   ///< what values are made of, where it is not the same
  };
  /// As BottleneckPart::attention says.
  Inputs inputs(const Tensor& x, const ForwardContext& context) const;
  /// The stack.
  Tensor feed(Tensor x, const ForwardContext& context) const;
  /// Back to the model's width, added to x.
  Tensor widened(const Tensor& x, const Tensor& narrow, const ForwardContext& context) const;

  // In the order of the members.
  std::vector<LinearLayer*> linears();
  std::vector<NormLayer*> norms();
};

}  // namespace bantam
