#include "bantam/nn/decoder.h"

#include "bantam/nn/layer_step.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

Tensor normalized(const NormLayer& norm, const Tensor& x, const ForwardContext& context) {
  if (!norm.present()) return x;
  return norm.forward(x, context.config.norm, context.config.norm_epsilon, context.taps);
}

Tensor plus_branch(const Tensor& x, const Tensor& branch, const ForwardContext& context) {
  const double factor = context.config.residual_scale;
  return add(x, factor == 1 ? branch : scale(branch, factor));
}

}  // namespace

Tensor DecoderLayer::attend(const Tensor& x, int layer, const ForwardContext& context) const {
  return normalized(attention_post_norm, attention.forward(x, layer, context), context);
}

Tensor DecoderLayer::feed(const Tensor& x, const ForwardContext& context) const {
  const Tensor y =
      experts.present() ? experts.forward(x, context) : feed_forward.forward(x, context);
  return normalized(feed_forward_post_norm, y, context);
}

Tensor DecoderLayer::forward(const Tensor& input, int layer, const ForwardContext& context) const {
  if (const auto step = step_of(*this, layer, context)) {
    try {
      return decoder_step(input, *step);
    } catch (const Error& error) {
      throw error.at(site);
    }
  }
  Tensor x = tap(context.taps, site, ".in", input);
  if (bottleneck.present()) {
    return tap(context.taps, site, ".out", forward_narrow(x, layer, context));
  }
  if (context.config.norm_placement == NormPlacement::after_sums) {
    x = normalized(attention_norm, plus_branch(x, attend(x, layer, context), context), context);
    x = tap(context.taps, site, ".middle", x);
    if (has_cross()) {
      x = normalized(cross_norm, plus_branch(x, cross.forward_cross(x, layer, context), context),
                     context);
    }
    x = normalized(feed_forward_norm, plus_branch(x, feed(x, context), context), context);
    return tap(context.taps, site, ".out", x);
  }
  const Tensor attention_input = normalized(attention_norm, x, context);
  Tensor y = plus_branch(x, attend(attention_input, layer, context), context);
  y = tap(context.taps, site, ".middle", y);
  if (has_cross()) {
    const Tensor cross_input = normalized(cross_norm, y, context);
    y = plus_branch(y, cross.forward_cross(cross_input, layer, context), context);
  }
  const Tensor feed_input =
      !context.config.parallel_branches ? normalized(feed_forward_norm, y, context)
      : feed_forward_norm.present()     ? normalized(feed_forward_norm, x, context)
                                        : attention_input;
  y = plus_branch(y, feed(feed_input, context), context);
  return tap(context.taps, site, ".out", y);
}

Tensor DecoderLayer::forward_narrow(const Tensor& x, int layer,
                                    const ForwardContext& context) const {
  const auto [narrow, query, value] = bottleneck.inputs(x, context);
  const Tensor branch = attention.forward(query, layer, context, value);
  Tensor y = normalized(attention_norm, add(narrow, branch), context);
  y = tap(context.taps, site, ".middle", y);
  y = bottleneck.feed(y, context);
  y = normalized(feed_forward_norm, add(y, feed(y, context)), context);
  return bottleneck.widened(x, y, context);
}

std::vector<LinearLayer*> DecoderLayer::linears() {
  std::vector<LinearLayer*> list = attention.linears();
  for (LinearLayer* linear : cross.linears()) list.push_back(linear);
  const auto inner = experts.present() ? experts.linears() : feed_forward.linears();
  list.insert(list.end(), inner.begin(), inner.end());
  for (LinearLayer* linear : bottleneck.linears()) list.push_back(linear);
  return list;
}

std::vector<NormLayer*> DecoderLayer::norms() {
  std::vector<NormLayer*> list;
  for (NormLayer* norm : {&attention_norm, &attention_post_norm, &cross_norm, &feed_forward_norm,
                          &feed_forward_post_norm}) {
    if (norm->present()) list.push_back(norm);
  }
  for (NormLayer* norm : attention.norms()) list.push_back(norm);
  for (NormLayer* norm : bottleneck.norms()) list.push_back(norm);
  return list;
}

}  // namespace bantam
