#include "bantam/nn/decoder_config.h"

#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"

namespace bantam {
namespace {

void require_extent(const char* name, std::int64_t value, std::int64_t limit) {
  if (value < 1 || value > limit) {
    throw input_error("model: {} is {}; expected 1 to {}", name, value, with_commas(limit));
  }
}

void require_positive(const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value)) {
    throw input_error("model: {} is {}; expected a positive number", name, value);
  }
}

void require_not_negative(const char* name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) {
    throw input_error("model: {} is {}; expected 0 or more", name, value);
  }
}

void validate_rope(const RopePart& rope, std::int64_t head_width) {
  require_positive("rope base", rope.theta);
  if (rope.frequencies.empty()) return;
  const auto turning = 2 * static_cast<std::int64_t>(rope.frequencies.size());
  if (turning > head_width) {
    throw input_error("model: {} features turn with the position but a head has {}", turning,
                      head_width);
  }
  if (!rope.long_frequencies.empty() && rope.long_frequencies.size() != rope.frequencies.size()) {
    throw input_error("model: {} rotary frequencies for long texts, {} for short ones",
                      rope.long_frequencies.size(), rope.frequencies.size());
  }
}

void validate_experts(const ExpertsPart& experts) {
  require_extent("number of experts", experts.count, 4096);
  require_extent("width of an expert", experts.width, 1 << 22);
  if (experts.used < 1 || experts.used > experts.count) {
    throw input_error("model: {} experts are used of {}", experts.used, experts.count);
  }
  const bool grouped = experts.groups >= 1 && experts.count % experts.groups == 0;
  if (!grouped || experts.groups_used < 1 || experts.groups_used > experts.groups) {
    throw input_error("model: {} of {} groups of {} experts are used", experts.groups_used,
                      experts.groups, experts.count);
  }
  if (experts.used > experts.count / experts.groups * experts.groups_used) {
    throw input_error("model: {} experts are used, {} of {} groups hold {}", experts.used,
                      experts.groups_used, experts.groups,
                      experts.count / experts.groups * experts.groups_used);
  }
}

void validate_latent(const LatentPart& latent) {
  require_extent("rank of keys and values", latent.kv_rank, 1 << 20);
  require_extent("features of a head that turn", latent.turning_width, 1 << 14);
  require_extent("features of a head that do not turn", latent.plain_width, 1 << 14);
  require_extent("features of a value", latent.value_width,
                 latent.plain_width + latent.turning_width);
}

void validate_relative(const RelativePart& relative) {
  require_extent("number of distance buckets", relative.buckets, 1 << 16);
  require_extent("farthest distance with a bucket", relative.max_distance, 1 << 20);
  // A quarter of the buckets is exact on each side of a bidirectional model.
  if (relative.buckets < 4 || relative.max_distance <= relative.buckets / 2) {
    throw input_error(
        "model: {} buckets for distances up to {}; expected 4 or more, and distances "
        "beyond half as many",
        relative.buckets, relative.max_distance);
  }
}

void validate_disentangled(const DisentangledPart& part) {
  require_extent("farthest distance of attention", part.max_distance, 1 << 16);
  // Distances up to half of the buckets are exact; the logarithm takes over behind them.
  const bool fits = part.buckets == 0 || (part.buckets >= 4 && part.buckets % 2 == 0 &&
                                          part.max_distance > part.buckets / 2 + 1);
  if (!fits) {
    throw input_error(
        "model: {} buckets for distances up to {}; expected an even number, 4 or more, and "
        "distances beyond half as many",
        part.buckets, part.max_distance);
  }
}

void require_groups(std::int64_t heads, std::int64_t kv_heads) {
  if (heads % kv_heads == 0) return;
  throw input_error("model: {} attention heads are not a multiple of {} key/value heads", heads,
                    kv_heads);
}

// Parts of attention whose tables are made for all layers at once, or whose keys another stack
// forms.
bool shares_heads(const DecoderConfig& config) {
  return config.relative.buckets != 0 || config.disentangled.max_distance != 0 || config.encoder ||
         config.latent.kv_rank > 0;
}

void validate_sizes(const DecoderConfig& config) {
  for (int number = 0; number < config.layers; ++number) {
    const LayerPart part = config.layer(number);
    require_extent("number of attention heads", part.heads, config.heads);
    require_extent("number of key/value heads", part.kv_heads, config.kv_heads);
    require_extent("feed-forward width", part.feed_forward, config.feed_forward);
    require_groups(part.heads, part.kv_heads);
  }
  if (shares_heads(config)) {
    throw input_error(
        "model: layers have heads of their own number, which attention of this kind does not know");
  }
}

}  // namespace

LayerPart DecoderConfig::layer(int number) const {
  LayerPart part =
      layer_parts.empty() ? LayerPart() : layer_parts[static_cast<std::size_t>(number)];
  if (part.heads == 0) part.heads = heads;
  if (part.kv_heads == 0) part.kv_heads = kv_heads;
  if (part.feed_forward == 0) part.feed_forward = feed_forward;
  return part;
}

bool DecoderConfig::sizes_differ() const {
  return std::ranges::any_of(layer_parts, [](const LayerPart& part) {
    return part.heads != 0 || part.kv_heads != 0 || part.feed_forward != 0;
  });
}

KvShape DecoderConfig::kv_shape() const {
  KvShape shape{.layers = layers, .kv_heads = kv_heads, .head_width = head_width};
  if (!sizes_differ()) return shape;
  for (int number = 0; number < layers; ++number) {
    shape.layer_kv_heads.push_back(layer(number).kv_heads);
  }
  return shape;
}

bool DecoderConfig::turns_alike(std::int64_t length, std::int64_t other) const {
  return std::ranges::all_of(ropes,
                             [&](const RopePart& rope) { return rope.turns_alike(length, other); });
}

bool DecoderConfig::keys_stay(std::int64_t from, std::int64_t to) const {
  return std::ranges::all_of(ropes, [&](const RopePart& rope) { return rope.keys_stay(from, to); });
}

ScoreForm DecoderConfig::attention_form() const {
  const double scale =
      attention_scale != 0 ? attention_scale : 1.0 / std::sqrt(static_cast<double>(head_width));
  return {static_cast<float>(scale), attention_softcap};
}

void DecoderConfig::validate() const {
  require_extent("number of layers", layers, 4096);
  require_extent("width", width, 1 << 20);
  require_extent("number of attention heads", heads, 1 << 14);
  require_extent("number of key/value heads", kv_heads, 1 << 14);
  require_extent("head width", head_width, 1 << 14);
  require_extent("feed-forward width", feed_forward, 1 << 22);
  require_extent("vocabulary", vocabulary, 1 << 24);
  require_extent("context length", context, std::int64_t{1} << 31);
  if (sizes_differ()) {
    validate_sizes(*this);
  } else {
    require_groups(heads, kv_heads);
  }
  if (head_width % 2 != 0 && !ropes.empty())
    throw input_error("model: head width {} is odd; rotary positions need pairs", head_width);
  for (const RopePart& rope : ropes) validate_rope(rope, head_width);
  for (const LayerPart& part : layer_parts) {
    if (part.window < 0) throw input_error("model: an attention window of {} tokens", part.window);
    if (part.rope >= static_cast<int>(ropes.size()) && part.rope > 0) {
      throw internal_error("model: rotation {} of {}", part.rope, ropes.size());
    }
    if (part.experts) validate_experts(experts);
  }
  if (latent.kv_rank > 0) validate_latent(latent);
  if (relative.buckets != 0) validate_relative(relative);
  if (sinusoids.steps != 0 && (sinusoids.steps < 0 || width % 2 != 0)) {
    throw input_error("model: width {} is odd; sines and cosines need pairs", width);
  }
  if (encoder) {
    encoder->validate();
    if (encoder->width != width) {
      throw input_error("model: the encoder's width is {}, the decoder's {}", encoder->width,
                        width);
    }
  }
  if (bottleneck.width != 0) {
    require_extent("width of the bottleneck", bottleneck.width, 1 << 20);
    require_extent("feed-forwards of a layer", bottleneck.feed_forwards, 256);
  }
  if (disentangled.max_distance != 0) validate_disentangled(disentangled);
  if (convolution.kernel != 0) {
    require_extent("width of the convolution", convolution.kernel, 1 << 10);
    if (convolution.kernel % 2 == 0) {
      throw input_error("model: a convolution of {} tokens; expected an odd number",
                        convolution.kernel);
    }
  }
  require_positive("norm epsilon", norm_epsilon);
  require_not_negative("attention scale", attention_scale);
  require_not_negative("cap of attention scores", attention_softcap);
  require_not_negative("cap of logits", logit_softcap);
  for (const double factor : {embedding_scale, residual_scale, logit_scale}) {
    require_positive("scale of embeddings, residuals or logits", factor);
  }
}

}  // namespace bantam
