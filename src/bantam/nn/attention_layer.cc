#include "bantam/nn/attention_layer.h"

#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

// Normalizes each head of x [T, heads * E], or all of it at once: the weight's shape tells.
Tensor normalized(const NormLayer& norm, const Tensor& x, std::int64_t heads,
                  const ForwardContext& context) {
  const Shape by_head{x.size(0), heads, x.size(1) / heads};
  if (!norm.present()) return reshape(x, by_head);
  const auto apply = [&](const Tensor& input) {
    return norm.forward(input, context.config.norm, context.config.norm_epsilon, context.taps);
  };
  if (norm.weight.shape() == Shape{x.size(1)}) return reshape(apply(x), by_head);
  return apply(reshape(x, by_head));
}

Tensor turned(const Tensor& heads, int rope_number, const ForwardContext& context) {
  if (rope_number < 0 || context.tables->ropes.empty()) return heads;
  return rope(heads, context.tables->ropes[static_cast<std::size_t>(rope_number)],
              context.config.ropes[static_cast<std::size_t>(rope_number)].interleaved);
}

// Zeros behind each head, so that values are as wide as keys.
Tensor widened(const Tensor& x, std::int64_t width) {
  if (x.size(2) == width) return x;
  const Tensor parts[] = {x, Tensor::zeros({x.size(0), x.size(1), width - x.size(2)}, x.dtype())};
  return concatenate(parts, 2);
}

// The numbers that all layers share. They are laid out anew in each layer, so that a checkpointed
// layer uses nothing but leaves and its inputs.
RelativeBias shared_bias(const ForwardContext& context) {
  const Tensor& table = context.relative_table;
  if (!table.defined()) return {};
  RelativeBias bias = context.tables->relative;
  bias.by_query = reshape(contiguous(transpose(table, 0, 1)), {1, table.size(1), table.size(0)});
  return bias;
}

// Products of rows [T, H, E] with what stands for each bucket [B, H, E]: [T, H, B].
Tensor products_by_bucket(const Tensor& rows, const Tensor& buckets, double factor) {
  const Tensor by_head = contiguous(transpose(rows, 0, 1));
  const Tensor columns = contiguous(transpose(transpose(buckets, 0, 1), 1, 2));
  return contiguous(transpose(scale(matmul(by_head, columns), factor), 0, 1));
}

Tensor attended(const Tensor& query, const Tensor& key, const Tensor& value, int layer,
                const RelativeBias& bias, const ForwardContext& context) {
  const Visibility& visible = context.tables->visible.at(context.config.layer(layer).window);
  const ScoreForm form = context.config.attention_form();
  if (context.cache == nullptr) return attention(query, key, value, visible, form, bias);
  context.cache->write(layer, context.tables->cache_rows, contiguous(key), contiguous(value));
  return paged_attention(query, context.cache->pages(layer), visible, form, bias);
}

}  // namespace

std::vector<Tensor> AttentionLayer::projected(const Tensor& x, const Tensor& value_input,
                                              Taps* taps) const {
  if (!value_input.defined()) return forward_each({&query, &key, &value}, x, taps);
  std::vector<Tensor> list = forward_each({&query, &key}, x, taps);
  list.push_back(value.forward(value_input, taps));
  return list;
}

AttentionLayer::Heads AttentionLayer::heads_of(const Tensor& x, const Tensor& value_input,
                                               int layer, const ForwardContext& context) const {
  const DecoderConfig& config = context.config;
  const LayerPart part = config.layer(layer);
  const std::vector<Tensor> each = projected(x, value_input, context.taps);
  return {turned(normalized(query_norm, each[0], part.heads, context), part.rope, context),
          turned(normalized(key_norm, each[1], part.kv_heads, context), part.rope, context),
          reshape(each[2], {x.size(0), part.kv_heads, config.head_width})};
}

// The features that turn come last in a head; those of the key are shared by all heads.
AttentionLayer::Heads AttentionLayer::latent_heads_of(const Tensor& x,
                                                      const ForwardContext& context) const {
  const DecoderConfig& config = context.config;
  const LatentPart& part = config.latent;
  const std::int64_t tokens = x.size(0), heads = config.heads;
  const auto norm = [&](const NormLayer& layer, const Tensor& input) {
    return layer.forward(input, config.norm, config.norm_epsilon, context.taps);
  };
  Tensor narrow = x;
  if (latent.query_down.weight.defined()) {
    narrow = norm(latent.query_norm, latent.query_down.forward(x, context.taps));
  }
  const Tensor queries = reshape(latent.query_up.forward(narrow, context.taps),
                                 {tokens, heads, part.plain_width + part.turning_width});
  const Tensor down = latent.kv_down.forward(x, context.taps);
  const Tensor turning_key =
      turned(reshape(slice(down, 1, part.kv_rank, down.size(1)), {tokens, 1, part.turning_width}),
             0, context);
  const Tensor up = reshape(
      latent.kv_up.forward(norm(latent.kv_norm, slice(down, 1, 0, part.kv_rank)), context.taps),
      {tokens, heads, part.plain_width + part.value_width});
  const Tensor query_parts[] = {
      slice(queries, 2, 0, part.plain_width),
      turned(slice(queries, 2, part.plain_width, queries.size(2)), 0, context)};
  const Tensor key_parts[] = {slice(up, 2, 0, part.plain_width),
                              broadcast_to(turning_key, {tokens, heads, part.turning_width})};
  const Tensor values = slice(up, 2, part.plain_width, up.size(2));
  return {concatenate(query_parts, 2), concatenate(key_parts, 2),
          widened(values, part.plain_width + part.turning_width)};
}

RelativeBias AttentionLayer::distance_bias(const Heads& heads,
                                           const ForwardContext& context) const {
  const DecoderConfig& config = context.config;
  const DisentangledPart& part = config.disentangled;
  if (part.max_distance == 0) return shared_bias(context);
  const Tensor& weights = context.distance_table;
  const Tensor table =
      !part.normalizes_table
          ? weights
          : context.distance_norm->forward(weights, config.norm, config.norm_epsilon, context.taps);
  const auto projected = [&](const LinearLayer& own, const LinearLayer& shared) {
    const LinearLayer& linear = part.shares_projections ? shared : own;
    return reshape(linear.forward(table, context.taps),
                   {table.size(0), config.heads, config.head_width});
  };
  const double factor = config.attention_form().scale;
  RelativeBias bias = context.tables->distances;
  if (part.by_query) {
    bias.by_query = products_by_bucket(heads.query, projected(distance_key, key), factor);
  }
  if (part.by_key) {
    bias.by_key = products_by_bucket(heads.key, projected(distance_query, query), factor);
  }
  return bias;
}

Tensor AttentionLayer::forward(const Tensor& x, int layer, const ForwardContext& context,
                               const Tensor& value_input) const {
  const DecoderConfig& config = context.config;
  const Heads heads =
      is_latent() ? latent_heads_of(x, context) : heads_of(x, value_input, layer, context);
  Tensor mixed =
      attended(heads.query, heads.key, heads.value, layer, distance_bias(heads, context), context);
  std::int64_t width = config.head_width;
  if (is_latent() && config.latent.value_width != width) {
    width = config.latent.value_width;
    mixed = contiguous(slice(mixed, 2, 0, width));
  }
  return output.forward(reshape(mixed, {x.size(0), heads.query.size(1) * width}), context.taps);
}

SourceHeads AttentionLayer::source_heads(const Tensor& states, const DecoderConfig& config,
                                         Taps* taps) const {
  const std::vector<Tensor> projected = forward_each({&key, &value}, states, taps);
  const Shape by_head{states.size(0), config.kv_heads, config.head_width};
  return {reshape(projected[0], by_head), reshape(projected[1], by_head)};
}

Tensor AttentionLayer::forward_cross(const Tensor& x, int layer,
                                     const ForwardContext& context) const {
  const DecoderConfig& config = context.config;
  const Source& source = *context.tables->source;
  const SourceHeads heads = source.heads.empty()
                                ? source_heads(context.source_states, config, context.taps)
                                : source.heads[static_cast<std::size_t>(layer)];
  const Tensor queries =
      reshape(query.forward(x, context.taps), {x.size(0), config.heads, config.head_width});
  const Tensor mixed = attention(queries, heads.key, heads.value, context.tables->source_rows,
                                 config.attention_form());
  return output.forward(reshape(mixed, {x.size(0), config.heads * config.head_width}),
                        context.taps);
}

std::vector<LinearLayer*> AttentionLayer::linears() {
  std::vector<LinearLayer*> list;
  for (LinearLayer* linear :
       {&query, &key, &value, &latent.query_down, &latent.query_up, &latent.kv_down, &latent.kv_up,
        &distance_query, &distance_key, &output}) {
    if (linear->weight.defined()) list.push_back(linear);
  }
  return list;
}

std::vector<NormLayer*> AttentionLayer::norms() {
  std::vector<NormLayer*> list;
  for (NormLayer* norm : {&query_norm, &key_norm, &latent.query_norm, &latent.kv_norm}) {
    if (norm->present()) list.push_back(norm);
  }
  return list;
}

}  // namespace bantam
