#include "bantam/nn/decoder.h"

#include <cmath>

#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

void require_extent(const char* name, std::int64_t value, std::int64_t limit) {
  if (value < 1 || value > limit) {
    throw input_error("model: {} is {}; expected 1 to {}", name, value, with_commas(limit));
  }
}

}  // namespace

void DecoderConfig::validate() const {
  require_extent("number of layers", layers, 4096);
  require_extent("width", width, 1 << 20);
  require_extent("number of attention heads", heads, 1 << 14);
  require_extent("number of key/value heads", kv_heads, 1 << 14);
  require_extent("head width", head_width, 1 << 14);
  require_extent("feed-forward width", feed_forward, 1 << 22);
  require_extent("vocabulary", vocabulary, 1 << 24);
  require_extent("context length", context, std::int64_t{1} << 31);
  if (heads % kv_heads != 0) {
    throw input_error("model: {} attention heads are not a multiple of {} key/value heads", heads,
                      kv_heads);
  }
  if (head_width % 2 != 0)
    throw input_error("model: head width {} is odd; rotary positions need pairs", head_width);
  if (!(rope_theta > 0) || !std::isfinite(rope_theta)) {
    throw input_error("model: rope base is {}; expected a positive number", rope_theta);
  }
  if (!(norm_epsilon > 0) || !std::isfinite(norm_epsilon)) {
    throw input_error("model: norm epsilon is {}; expected a positive number", norm_epsilon);
  }
}

Tensor NormLayer::forward(const Tensor& x, float epsilon, Taps* taps) const {
  return tap(taps, site, ".out", rms_norm(tap(taps, site, ".in", x), weight, epsilon));
}

Tensor AttentionLayer::forward(const Tensor& x, int layer, const ForwardContext& context) const {
  const DecoderConfig& config = context.config;
  Taps* taps = context.taps;
  const Shape heads{x.size(0), config.heads, config.head_width};
  const Shape groups{x.size(0), config.kv_heads, config.head_width};
  const std::vector<Tensor> projected = forward_each({&query, &key, &value}, x, taps);
  const Tensor q = rope(reshape(projected[0], heads), context.rope);
  const Tensor k = rope(reshape(projected[1], groups), context.rope);
  const Tensor v = reshape(projected[2], groups);
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_width)));
  Tensor mixed;
  if (context.cache == nullptr) {
    mixed = attention(q, k, v, context.batch.plan.visibility, scale);
  } else {
    context.cache->write(layer, context.batch.cache_rows, k, v);
    mixed = paged_attention(q, context.cache->pages(layer), context.batch.plan.visibility, scale);
  }
  return output.forward(reshape(mixed, {x.size(0), config.heads * config.head_width}), taps);
}

Tensor FeedForwardLayer::forward(const Tensor& x, const ForwardContext& context) const {
  const std::vector<Tensor> inner = forward_each({&gate, &up}, x, context.taps);
  return down.forward(swiglu(inner[0], inner[1]), context.taps);
}

Tensor DecoderLayer::forward(const Tensor& input, int layer, const ForwardContext& context) const {
  const float epsilon = context.config.norm_epsilon;
  Tensor x = tap(context.taps, site, ".in", input);
  x = add(x, attention.forward(attention_norm.forward(x, epsilon, context.taps), layer, context));
  x = tap(context.taps, site, ".middle", x);
  x = add(x, feed_forward.forward(feed_forward_norm.forward(x, epsilon, context.taps), context));
  return tap(context.taps, site, ".out", x);
}

}  // namespace bantam
