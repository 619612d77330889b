#include "bantam/nn/bottleneck.h"

#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

Tensor normalized(const NormLayer& norm, const Tensor& x, const ForwardContext& context) {
  return norm.forward(x, context.config.norm, context.config.norm_epsilon, context.taps);
}

}  // namespace

Bottleneck::Inputs Bottleneck::inputs(const Tensor& x, const ForwardContext& context) const {
  const Tensor narrow = normalized(in_norm, in.forward(x, context.taps), context);
  switch (context.config.bottleneck.attention) {
    case BottleneckAttention::narrow:
      return {narrow, narrow, {}};
    case BottleneckAttention::narrow_queries:
      return {narrow, normalized(query_in_norm, query_in.forward(x, context.taps), context), x};
  }
  throw internal_error("bottleneck attention");
}

Tensor Bottleneck::feed(Tensor x, const ForwardContext& context) const {
  for (const StackedFeedForward& each : stack) {
    x = normalized(each.norm, add(x, each.feed_forward.forward(x, context)), context);
  }
  return x;
}

Tensor Bottleneck::widened(const Tensor& x, const Tensor& narrow,
                           const ForwardContext& context) const {
  return normalized(out_norm, add(x, out.forward(narrow, context.taps)), context);
}

std::vector<LinearLayer*> Bottleneck::linears() {
  std::vector<LinearLayer*> list;
  if (!present()) return list;
  list.push_back(&in);
  if (query_in.weight.defined()) list.push_back(&query_in);
  for (StackedFeedForward& each : stack) {
    for (LinearLayer* linear : each.feed_forward.linears()) list.push_back(linear);
  }
  list.push_back(&out);
  return list;
}

std::vector<NormLayer*> Bottleneck::norms() {
  std::vector<NormLayer*> list;
  if (!present()) return list;
  list.push_back(&in_norm);
  if (query_in_norm.present()) list.push_back(&query_in_norm);
  for (StackedFeedForward& each : stack) list.push_back(&each.norm);
  list.push_back(&out_norm);
  return list;
}

}  // namespace bantam
