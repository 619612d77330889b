#include "bantam/model/transformer.h"

#include <algorithm>
#include <set>

#include "bantam/base/options.h"
#include "bantam/model/architecture.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"

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

// The last name of a site, "q" of "layers.3.attn.q".
std::string last_name(const std::string& site) { return site.substr(site.rfind('.') + 1); }

// One of two widths: a norm of each head, or of all heads at once.
void require_head_norm(const NormLayer& norm, std::int64_t head_width, std::int64_t all_heads) {
  if (!norm.present() || norm.weight.shape() == Shape{all_heads}) return;
  require_shape(norm.site, norm.weight, {head_width});
}

void require_feed_forward(const FeedForwardLayer& layer, std::int64_t inner,
                          const DecoderConfig& config) {
  if (config.gated) require_linear(layer.gate, inner, config.width);
  require_linear(layer.up, inner, config.width);
  require_linear(layer.down, config.width, inner);
}

void require_layer(DecoderLayer& layer, const DecoderConfig& config, int number) {
  const std::int64_t width = config.width;
  const std::int64_t query_width = config.heads * config.head_width;
  const std::int64_t key_width = config.kv_heads * config.head_width;
  for (NormLayer* norm : {&layer.attention_norm, &layer.attention_post_norm,
                          &layer.feed_forward_norm, &layer.feed_forward_post_norm}) {
    if (norm->present()) require_shape(norm->site, norm->weight, {width});
  }
  AttentionLayer& attention = layer.attention;
  if (config.latent.kv_rank > 0) {
    const LatentPart& part = config.latent;
    const std::int64_t head = part.plain_width + part.turning_width;
    LatentProjections& latent = attention.latent;
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
    require_linear(attention.value, key_width, width);
    require_linear(attention.output, width, query_width);
    require_head_norm(attention.query_norm, config.head_width, query_width);
    require_head_norm(attention.key_norm, config.head_width, key_width);
  }
  if (!config.layer(number).experts) {
    require_feed_forward(layer.feed_forward, config.feed_forward, config);
    return;
  }
  const ExpertsPart& part = config.experts;
  require_linear(layer.experts.router, part.count, width);
  if (std::ssize(layer.experts.experts) != part.count) {
    throw input_error("model: {} has {} experts, the configuration asks for {}", layer.experts.site,
                      layer.experts.experts.size(), part.count);
  }
  for (FeedForwardLayer& expert : layer.experts.experts) {
    require_feed_forward(expert, part.width, config);
  }
  if (part.shared_width > 0) {
    require_feed_forward(layer.experts.shared, part.shared_width, config);
  }
}

}  // namespace

Transformer::Transformer(const Architecture& architecture, DecoderConfig config, Weights weights)
    : architecture_(&architecture), config_(std::move(config)), weights_(std::move(weights)) {
  config_.validate();
  const std::int64_t table_width =
      config_.embedding_width > 0 ? config_.embedding_width : config_.width;
  if (weights_.embedding.defined() && weights_.embedding.size(0) != config_.vocabulary) {
    throw input_error("model: the embedding table has {} rows but the vocabulary {} tokens",
                      weights_.embedding.size(0), config_.vocabulary);
  }
  require_shape("embedding", weights_.embedding, {config_.vocabulary, table_width});
  // What is added to the embedding is as wide as what it is added to.
  const std::int64_t added_width =
      config_.embedding_sums == EmbeddingSums::before_linear ? table_width : config_.width;
  if (config_.token_types > 0) {
    require_shape("token types", weights_.token_types, {config_.token_types, added_width});
  }
  if (config_.learned_positions > 0) {
    require_shape("positions", weights_.positions, {config_.learned_positions, added_width});
  }
  if (config_.embedding_width > 0) {
    require_linear(weights_.embedding_in, config_.width, table_width);
    if (weights_.embedding_out.weight.defined()) {
      require_linear(weights_.embedding_out, table_width, config_.width);
    }
  }
  if (weights_.norm.present()) require_shape("norm", weights_.norm.weight, {config_.width});
  if (weights_.head.weight.defined()) {
    require_linear(weights_.head, config_.vocabulary, table_width);
  }
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    require_layer(weights_.layers[i], config_, static_cast<int>(i));
  }
}

KvShape Transformer::kv_shape() const {
  KvShape shape = config_.kv_shape();
  const bool rounds = std::ranges::any_of(linears(), [](const LinearLayer* linear) {
    return rounds_in_answers(linear->weight.dtype());
  });
  if (rounds) shape.dtype = DType::f16;
  return shape;
}

Tensor Transformer::hidden(const Batch& batch, KvStore* cache, Taps* taps) const {
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  if (tokens != batch.plan.tokens() ||
      (cache != nullptr && batch.cache_rows.size() != batch.tokens.size())) {
    throw internal_error("forward: {} tokens, {} positions, {} cache rows", tokens,
                         batch.plan.tokens(), batch.cache_rows.size());
  }
  const ForwardContext context{config_, std::make_shared<const ForwardTables>(config_, batch),
                               cache, taps};
  Tensor x = tap(taps, "embed", ".out", embedded(batch, taps));
  const bool recompute =
      gradient_checkpointing_ && taps == nullptr && cache == nullptr && Tape::current() != nullptr;
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const DecoderLayer& layer = weights_.layers[i];
    const auto number = static_cast<int>(i);
    if (recompute) {
      x = checkpoint(
          [&layer, number, context](std::span<const Tensor> inputs) {
            return layer.forward(inputs[0], number, context);
          },
          {x});
    } else {
      x = layer.forward(x, number, context);
    }
  }
  if (weights_.norm.present()) {
    x = weights_.norm.forward(x, config_.norm, config_.norm_epsilon, taps);
  }
  return weights_.embedding_out.weight.defined() ? weights_.embedding_out.forward(x, taps) : x;
}

// What the layers start from: tokens, with positions and types where the model has learned them.
Tensor Transformer::embedded(const Batch& batch, Taps* taps) const {
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  Tensor x = embedding(weights_.embedding, Tensor::from(batch.tokens, {tokens}));
  if (config_.embedding_scale != 1) x = scale(x, config_.embedding_scale);
  const bool sums_first = config_.embedding_sums == EmbeddingSums::before_linear;
  if (config_.embedding_width > 0 && !sums_first) x = weights_.embedding_in.forward(x, taps);
  if (config_.learned_positions > 0) {
    x = add(x, embedding(weights_.positions, Tensor::from(position_rows(batch), {tokens})));
  }
  if (config_.token_types > 0) {
    const std::vector<std::int32_t> types =
        batch.types.empty() ? std::vector<std::int32_t>(batch.tokens.size(), 0) : batch.types;
    x = add(x, embedding(weights_.token_types, Tensor::from(types, {tokens})));
  }
  if (weights_.embedding_norm.present()) {
    x = weights_.embedding_norm.forward(x, config_.norm, config_.norm_epsilon, taps);
  }
  if (config_.embedding_width > 0 && sums_first) x = weights_.embedding_in.forward(x, taps);
  return x;
}

std::vector<std::int32_t> Transformer::position_rows(const Batch& batch) const {
  std::vector<std::int32_t> rows = batch.plan.positions;
  for (std::int32_t& row : rows) {
    row += static_cast<std::int32_t>(config_.learned_position_shift);
    if (row >= config_.learned_positions) {
      throw input_error(
          "the text is longer than this model can read: it has learned {} positions; shorten the "
          "text or lower --context",
          config_.learned_positions - config_.learned_position_shift);
    }
  }
  return rows;
}

std::vector<LinearLayer*> Transformer::linears() {
  std::vector<LinearLayer*> list;
  for (DecoderLayer& layer : weights_.layers) {
    const std::vector<LinearLayer*> more = layer.linears();
    list.insert(list.end(), more.begin(), more.end());
  }
  return list;
}

std::vector<const LinearLayer*> Transformer::linears() const {
  const auto list = const_cast<Transformer*>(this)->linears();
  return {list.begin(), list.end()};
}

void Transformer::attach(std::shared_ptr<Adapter> adapter) {
  std::map<std::string, LinearLayer*> by_site;
  for (LinearLayer* linear : linears()) by_site[linear->site] = linear;
  for (const auto& [site, delta] : adapter->deltas) {
    const auto found = by_site.find(site);
    if (found == by_site.end()) {
      throw input_error(
          "adapter '{}' has a delta for {}, which this model lacks; it was made for another base",
          adapter->name, site);
    }
    const LinearLayer& linear = *found->second;
    const bool fits = delta.a.rank() == 2 && delta.b.rank() == 2 &&
                      delta.a.size(0) == delta.b.size(1) && delta.a.size(1) == linear.inputs() &&
                      delta.b.size(0) == linear.outputs();
    if (!fits) {
      throw input_error(
          "adapter '{}' at {}: A {} and B {} do not fit a weight of {}; it was made for another "
          "base",
          adapter->name, site, delta.a.shape().text(), delta.b.shape().text(),
          linear.weight.shape().text());
    }
  }
  for (const auto& [site, delta] : adapter->deltas) by_site[site]->adapters.push_back(adapter);
  adapters_.push_back(std::move(adapter));
}

void Transformer::detach(const Adapter* adapter) {
  const auto is_it = [adapter](const auto& held) { return held.get() == adapter; };
  for (LinearLayer* linear : linears()) std::erase_if(linear->adapters, is_it);
  std::erase_if(adapters_, is_it);
}

std::shared_ptr<Adapter> Transformer::make_adapter(std::string name, const LoraOptions& options,
                                                   std::uint64_t seed) const {
  if (options.rank < 1) throw usage_error("lora rank: expected at least 1, found {}", options.rank);
  std::set<std::string> wanted;
  std::vector<std::string> known = {"all-linear"};
  // Both our short names and the names of HF modules are accepted: "q" and "q_proj".
  std::map<std::string, std::string> short_name;
  for (const WeightName& weight : architecture_->weights) {
    if (!weight.site.starts_with("layers.#.") || weight.site.find("norm") != std::string_view::npos)
      continue;
    const auto strip = [](std::string_view text) {
      return std::string(text.substr(0, text.rfind('.')));
    };
    const std::string own = last_name(strip(weight.site)), hf = last_name(strip(weight.hf));
    short_name[own] = own;
    short_name[hf] = own;
    known.push_back(hf);
  }
  for (const std::string& target : options.targets) {
    if (target == "all-linear") {
      for (const auto& [spelled, own] : short_name) wanted.insert(own);
    } else if (const auto found = short_name.find(target); found != short_name.end()) {
      wanted.insert(found->second);
    } else {
      throw_unknown_name("adapter target", target, known);
    }
  }
  auto adapter = std::make_shared<Adapter>();
  adapter->name = std::move(name);
  adapter->options = options;
  for (const LinearLayer* linear : linears()) {
    if (wanted.contains(last_name(linear->site))) {
      adapter->add_delta(linear->site, linear->inputs(), linear->outputs(), seed);
    }
  }
  return adapter;
}

void Transformer::merge_adapters() {
  const Tape::Paused paused;
  for (LinearLayer* linear : linears()) {
    if (linear->adapters.empty()) continue;
    Tensor merged = dequantize(linear->weight);
    for (const auto& adapter : linear->adapters) {
      if (adapter->gate.per_token.defined()) {
        throw input_error(
            "adapter '{}' has a gate for each token and cannot be merged; set one value first",
            adapter->name);
      }
      const Tensor delta = lora_weight(adapter->deltas.at(linear->site));
      merged = add(merged, scale(delta, adapter->gate.value));
    }
    linear->weight = merged;
    linear->adapters.clear();
  }
  adapters_.clear();
}

void Transformer::quantize_weights(DType dtype) {
  for (LinearLayer* linear : linears()) {
    if (linear->weight.dtype() != dtype)
      linear->weight = quantize(dequantize(linear->weight), dtype);
  }
  if (weights_.embedding.dtype() != dtype)
    weights_.embedding = quantize(dequantize(weights_.embedding), dtype);
  if (weights_.head.weight.defined() && weights_.head.weight.dtype() != dtype) {
    weights_.head.weight = quantize(dequantize(weights_.head.weight), dtype);
  }
}

std::vector<Parameter> Transformer::parameters() {
  std::vector<Parameter> list;
  const auto add = [&](const std::string& name, Tensor& tensor, ParameterRole role, int layer) {
    if (tensor.defined()) list.push_back({name, &tensor, role, layer});
  };
  const auto add_linear = [&](LinearLayer& linear, int layer) {
    add(linear.site + ".weight", linear.weight, ParameterRole::linear, layer);
    add(linear.site + ".bias", linear.bias, ParameterRole::bias, layer);
  };
  const auto add_norm = [&](NormLayer& norm, int layer) {
    add(norm.site + ".weight", norm.weight, ParameterRole::norm, layer);
    add(norm.site + ".bias", norm.bias, ParameterRole::norm, layer);
  };
  add("embed.weight", weights_.embedding, ParameterRole::embedding, -1);
  add("positions.weight", weights_.positions, ParameterRole::embedding, -1);
  add("token_types.weight", weights_.token_types, ParameterRole::embedding, -1);
  add_linear(weights_.embedding_in, -1);
  add_norm(weights_.embedding_norm, -1);
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    DecoderLayer& layer = weights_.layers[i];
    const auto number = static_cast<int>(i);
    for (NormLayer* norm : layer.norms()) add_norm(*norm, number);
    for (LinearLayer* linear : layer.linears()) add_linear(*linear, number);
  }
  add_norm(weights_.norm, -1);
  add_linear(weights_.embedding_out, -1);
  add("head.weight", weights_.head.weight, ParameterRole::head, -1);
  for (const auto& adapter : adapters_) {
    for (Parameter& parameter : adapter->parameters()) {
      parameter.name = adapter->name + ":" + parameter.name;
      list.push_back(std::move(parameter));
    }
  }
  return list;
}

}  // namespace bantam
