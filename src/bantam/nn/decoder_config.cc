#include "bantam/nn/decoder_config.h"

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

}  // namespace

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
  if (heads % kv_heads != 0) {
    throw input_error("model: {} attention heads are not a multiple of {} key/value heads", heads,
                      kv_heads);
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
  require_positive("norm epsilon", norm_epsilon);
  require_not_negative("attention scale", attention_scale);
  require_not_negative("cap of attention scores", attention_softcap);
  require_not_negative("cap of logits", logit_softcap);
  for (const double factor : {embedding_scale, residual_scale, logit_scale}) {
    require_positive("scale of embeddings, residuals or logits", factor);
  }
}

}  // namespace bantam
