#include "bantam/nn/layer_step.h"

namespace bantam {
namespace {

bool is_usual(const DecoderConfig& config) {
  return config.norm == NormKind::rms && config.norm_placement == NormPlacement::before &&
         !config.parallel_branches && config.residual_scale == 1 &&
         config.activation == Activation::silu && config.relative.buckets == 0 &&
         config.disentangled.max_distance == 0;
}

bool has_usual_parts(const DecoderLayer& layer, const DecoderConfig& config) {
  const auto is_whole = [](const NormLayer& norm) { return norm.weight.rank() == 1; };
  const auto is_of_heads = [&](const NormLayer& norm) {
    return !norm.present() || norm.weight.shape() == Shape{config.head_width};
  };
  return layer.attention.query.weight.defined() && layer.feed_forward.gate.weight.defined() &&
         !layer.cross.query.weight.defined() && !layer.experts.present() &&
         !layer.bottleneck.present() && !layer.attention.is_latent() &&
         layer.attention_norm.present() && is_whole(layer.attention_norm) &&
         layer.feed_forward_norm.present() && is_whole(layer.feed_forward_norm) &&
         !layer.attention_post_norm.present() && !layer.feed_forward_post_norm.present() &&
         is_of_heads(layer.attention.query_norm) && is_of_heads(layer.attention.key_norm);
}

bool has_plain_linears(const DecoderLayer& layer) {
  const AttentionLayer& attention = layer.attention;
  const FeedForwardLayer& feed = layer.feed_forward;
  for (const LinearLayer* linear : {&attention.query, &attention.key, &attention.value,
                                    &attention.output, &feed.gate, &feed.up, &feed.down}) {
    if (!linear->adapters.empty()) return false;
  }
  for (const LinearLayer* linear : {&attention.output, &feed.gate, &feed.up, &feed.down}) {
    if (linear->bias.defined()) return false;
  }
  return true;
}

const Tensor* or_null(const Tensor& x) { return x.defined() ? &x : nullptr; }

}  // namespace

std::optional<DecoderStep> step_of(const DecoderLayer& layer, int number,
                                   const ForwardContext& context) {
  const DecoderConfig& config = context.config;
  if (context.cache == nullptr || context.taps != nullptr || !is_usual(config) ||
      !has_usual_parts(layer, config) || !has_plain_linears(layer)) {
    return std::nullopt;
  }
  const LayerPart part = config.layer(number);
  const ForwardTables& tables = *context.tables;
  const bool turns = part.rope >= 0 && !tables.ropes.empty();
  const auto rope = static_cast<std::size_t>(turns ? part.rope : 0);
  const AttentionLayer& attention = layer.attention;
  const FeedForwardLayer& feed = layer.feed_forward;
  return DecoderStep{
      .attention_norm = &layer.attention_norm.weight,
      .feed_forward_norm = &layer.feed_forward_norm.weight,
      .query = &attention.query.weight,
      .key = &attention.key.weight,
      .value = &attention.value.weight,
      .query_bias = or_null(attention.query.bias),
      .key_bias = or_null(attention.key.bias),
      .value_bias = or_null(attention.value.bias),
      .query_norm = or_null(attention.query_norm.weight),
      .key_norm = or_null(attention.key_norm.weight),
      .output = &attention.output.weight,
      .gate = &feed.gate.weight,
      .up = &feed.up.weight,
      .down = &feed.down.weight,
      .epsilon = config.norm_epsilon,
      .rope = turns ? &tables.ropes[rope] : nullptr,
      .interleaved = turns && config.ropes[rope].interleaved,
      .pages = &context.cache->pages(number),
      .rows = tables.cache_rows,
      .visibility = &tables.visible.at(part.window),
      .form = config.attention_form(),
  };
}

}  // namespace bantam
