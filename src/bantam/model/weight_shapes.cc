#include "bantam/model/weight_shapes.h"

#include <string>

#include "bantam/base/error.h"

namespace bantam {
namespace {

void require_shape(const std::string& site, const Tensor& weight, const Shape& expected) {
  if (!weight.defined()) throw input_error("model: weight of {} is missing", site);
  if (!(weight.shape() == expected)) {
    throw input_error("model: weight of {} is {}, the configuration asks for {}", site,
                      weight.shape().text(), expected.text());
  }
}

void require_linear(const LinearLayer& linear, std::int64_t outputs, std::int64_t inputs) {
  require_shape(linear.site, linear.weight, {outputs, inputs});
  if (linear.bias.defined()) require_shape(linear.site + ".bias", linear.bias, {outputs});
}

// One of two widths, a norm of each head or of all heads at once; or one for each of the heads.
void require_head_norm(const NormLayer& norm, std::int64_t heads, const DecoderConfig& config) {
  const std::int64_t width = config.head_width;
  if (config.norms_each_head) return require_shape(norm.site, norm.weight, {heads, width});
  if (!norm.present() || norm.weight.shape() == Shape{heads * width}) return;
  require_shape(norm.site, norm.weight, {width});
}

void require_feed_forward(const FeedForwardLayer& layer, std::int64_t inner,
                          const DecoderConfig& config) {
  const std::int64_t width = config.inner_width();
  if (config.gated) require_linear(layer.gate, inner, width);
  require_linear(layer.up, inner, width);
  require_linear(layer.down, width, inner);
}

void require_bottleneck(const Bottleneck& layer, const DecoderConfig& config) {
  const std::int64_t width = config.width, narrow = config.bottleneck.width;
  require_linear(layer.in, narrow, width);
  require_shape(layer.in_norm.site, layer.in_norm.weight, {narrow});
  if (config.bottleneck.attention == BottleneckAttention::narrow_queries) {
    require_linear(layer.query_in, narrow, width);
    require_shape(layer.query_in_norm.site, layer.query_in_norm.weight, {narrow});
  }
  for (const StackedFeedForward& each : layer.stack) {
    require_feed_forward(each.feed_forward, config.feed_forward, config);
    require_shape(each.norm.site, each.norm.weight, {narrow});
  }
  require_linear(layer.out, width, narrow);
  require_shape(layer.out_norm.site, layer.out_norm.weight, {width});
}

// Features that values are made of.
std::int64_t value_inputs(const DecoderConfig& config) {
  const bool narrow = config.bottleneck.attention == BottleneckAttention::narrow;
  return narrow ? config.inner_width() : config.width;
}

void require_cross_attention(const AttentionLayer& cross, const DecoderConfig& config) {
  if (!config.encoder) return;
  const std::int64_t query_width = config.heads * config.head_width;
  const std::int64_t key_width = config.kv_heads * config.head_width;
  require_linear(cross.query, query_width, config.width);
  require_linear(cross.key, key_width, config.encoder->width);
  require_linear(cross.value, key_width, config.encoder->width);
  require_linear(cross.output, config.width, query_width);
}

void require_layer(const DecoderLayer& layer, const DecoderConfig& config, int number) {
  const std::int64_t width = config.inner_width();
  const LayerPart own = config.layer(number);
  const std::int64_t query_width = own.heads * config.head_width;
  const std::int64_t key_width = own.kv_heads * config.head_width;
  if (config.bottleneck.width > 0) require_bottleneck(layer.bottleneck, config);
  for (const NormLayer* norm :
       {&layer.attention_norm, &layer.attention_post_norm, &layer.cross_norm,
        &layer.feed_forward_norm, &layer.feed_forward_post_norm}) {
    if (norm->present()) require_shape(norm->site, norm->weight, {width});
  }
  const AttentionLayer& attention = layer.attention;
  if (config.latent.kv_rank > 0) {
    const LatentPart& part = config.latent;
    const std::int64_t head = part.plain_width + part.turning_width;
    const LatentProjections& latent = attention.latent;
    if (part.query_rank > 0) require_linear(latent.query_down, part.query_rank, width);
    require_linear(latent.query_up, config.heads * head,
                   part.query_rank > 0 ? part.query_rank : width);
    require_linear(latent.kv_down, part.kv_rank + part.turning_width, width);
    require_linear(latent.kv_up, config.heads * (part.plain_width + part.value_width),
                   part.kv_rank);
    require_linear(attention.output, width, config.heads * part.value_width);
  } else {
    require_linear(attention.query, query_width, width);
    require_linear(attention.key, key_width, width);
    require_linear(attention.value, key_width, value_inputs(config));
    require_linear(attention.output, width, query_width);
    const DisentangledPart& distances = config.disentangled;
    if (distances.max_distance > 0 && !distances.shares_projections) {
      if (distances.by_key) require_linear(attention.distance_query, query_width, width);
      if (distances.by_query) require_linear(attention.distance_key, key_width, width);
    }
    require_head_norm(attention.query_norm, config.heads, config);
    require_head_norm(attention.key_norm, config.kv_heads, config);
  }
  require_cross_attention(layer.cross, config);
  if (!own.experts) {
    require_feed_forward(layer.feed_forward, own.feed_forward, config);
    return;
  }
  const ExpertsPart& part = config.experts;
  require_linear(layer.experts.router, part.count, width);
  if (std::ssize(layer.experts.experts) != part.count) {
    throw input_error("model: {} has {} experts, the configuration asks for {}", layer.experts.site,
                      layer.experts.experts.size(), part.count);
  }
  for (const FeedForwardLayer& expert : layer.experts.experts) {
    require_feed_forward(expert, part.width, config);
  }
  if (part.shared_width > 0) {
    require_feed_forward(layer.experts.shared, part.shared_width, config);
  }
}

std::int64_t table_width(const DecoderConfig& config) {
  return config.embedding_width > 0 ? config.embedding_width : config.width;
}

void require_embedding(const Tensor& table, const DecoderConfig& config) {
  if (table.defined() && table.size(0) != config.vocabulary) {
    throw input_error("model: the embedding table has {} rows but the vocabulary {} tokens",
                      table.size(0), config.vocabulary);
  }
  require_shape("embedding", table, {config.vocabulary, table_width(config)});
}

// Everything but the table of tokens, which two stacks may share.
void require_stack(const Transformer::Weights& weights, const DecoderConfig& config) {
  // What is added to the embedding is as wide as what it is added to.
  const std::int64_t added_width =
      config.embedding_sums == EmbeddingSums::after_linear ? config.width : table_width(config);
  if (config.token_types > 0) {
    require_shape("token types", weights.token_types, {config.token_types, added_width});
  }
  if (config.learned_positions > 0) {
    require_shape("positions", weights.positions, {config.learned_positions, added_width});
  }
  if (config.relative.buckets > 0) {
    require_shape("relative positions", weights.relative_table,
                  {config.relative.buckets, config.heads});
  }
  if (config.embedding_width > 0) {
    const std::int64_t read = (config.embedding_neighbors ? 3 : 1) * table_width(config);
    require_linear(weights.embedding_in, config.width, read);
    if (weights.embedding_out.weight.defined()) {
      require_linear(weights.embedding_out, table_width(config), config.width);
    }
  }
  if (config.disentangled.max_distance > 0) {
    require_shape("distances", weights.distances, {2 * config.disentangled.span(), config.width});
    if (config.disentangled.normalizes_table) {
      require_shape("distance_norm", weights.distance_norm.weight, {config.width});
    }
  }
  if (config.convolution.kernel > 0) {
    const ConvolutionLayer& layer = weights.convolution;
    require_shape(layer.site, layer.weight,
                  {config.width, config.width, config.convolution.kernel});
    if (layer.bias.defined()) require_shape(layer.site + ".bias", layer.bias, {config.width});
    require_shape(layer.norm.site, layer.norm.weight, {config.width});
  }
  if (weights.norm.present()) require_shape("norm", weights.norm.weight, {config.width});
  if (weights.head.weight.defined()) {
    require_linear(weights.head, config.vocabulary, table_width(config));
  }
  if (weights.head_bias.defined()) {
    require_shape("bias of logits", weights.head_bias, {1, config.vocabulary});
  }
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    require_layer(weights.layers[i], config, static_cast<int>(i));
  }
}

}  // namespace

void require_shapes(const Transformer::Weights& weights, const DecoderConfig& config) {
  require_embedding(weights.embedding, config);
  require_stack(weights, config);
  if (!config.encoder) return;
  if (weights.encoder.size() != 1) {
    throw input_error("model: the weights of the encoder are missing");
  }
  const Transformer::Weights& encoder = weights.encoder.front();
  require_embedding(encoder.embedding.defined() ? encoder.embedding : weights.embedding,
                    *config.encoder);
  require_stack(encoder, *config.encoder);
}

}  // namespace bantam
