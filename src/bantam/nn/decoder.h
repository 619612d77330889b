// A decoder-only transformer put together from parts. Which parts, and how weights are named in
// files, is data (model/architectures); what a part computes is here.
#pragma once

#include <string>
#include <vector>

#include "bantam/nn/attention_layer.h"
#include "bantam/nn/bottleneck.h"
#include "bantam/nn/decoder_config.h"
#include "bantam/nn/feed_forward_layer.h"
#include "bantam/nn/forward_context.h"
#include "bantam/nn/norm_layer.h"
#include "bantam/nn/taps.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// Two branches, or three with cross-attention, added to the residual stream. Norms before a
/// branch, behind it, around it or after the sum: those that a family lacks are absent.
struct DecoderLayer {
  std::string site;  ///< "layers.3"
  NormLayer attention_norm, attention_post_norm;
  NormLayer cross_norm;
  NormLayer feed_forward_norm, feed_forward_post_norm;
  AttentionLayer attention;
  AttentionLayer cross;  ///< reads an encoder's states, between the two branches; or absent
  FeedForwardLayer feed_forward;
  ExpertsLayer experts;   ///< instead of feed_forward where present
  Bottleneck bottleneck;  ///< around all of these; or absent
  /// x [T, D] -> [T, D].
  Tensor forward(const Tensor& x, int layer, const ForwardContext& context) const;
  /// In order of computation.
  std::vector<LinearLayer*> linears();
  std::vector<NormLayer*> norms();

 private:
  bool has_cross() const { return cross.query.weight.defined(); }
  Tensor attend(const Tensor& x, int layer, const ForwardContext& context) const;
  Tensor feed(const Tensor& x, const ForwardContext& context) const;
  Tensor forward_narrow(const Tensor& x, int layer, const ForwardContext& context) const;
};

}  // namespace bantam
