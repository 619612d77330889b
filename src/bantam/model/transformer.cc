#include "bantam/model/transformer.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "bantam/base/options.h"
#include "bantam/model/architecture.h"
#include "bantam/model/weight_shapes.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

// The last name of a site, "q" of "layers.3.attn.q".
std::string last_name(const std::string& site) { return site.substr(site.rfind('.') + 1); }

// One layer that keeps nothing but its inputs for the backward pass.
Tensor recomputed(const DecoderLayer& layer, int number, const ForwardContext& context,
                  const Tensor& x) {
  const Tensor& source = context.source_states;
  std::vector<Tensor> inputs = source.defined() ? std::vector{x, source} : std::vector{x};
  return checkpoint(
      [&layer, number, context](std::span<const Tensor> given) {
        ForwardContext own = context;
        if (given.size() > 1) own.source_states = given[1];
        return layer.forward(given[0], number, own);
      },
      std::move(inputs));
}

// Sines, then cosines, of the positions of a plan: [T, D].
Tensor sinusoids(const DecoderConfig& config, const AttentionPlan& plan) {
  const std::int64_t half = config.width / 2;
  Tensor table = Tensor::empty({plan.tokens(), config.width});
  float* row = table.data<float>();
  for (const std::int32_t token : plan.positions) {
    const auto position = static_cast<double>(token + config.sinusoids.shift);
    for (std::int64_t i = 0; i < half; ++i) {
      const double exponent = -static_cast<double>(i) / static_cast<double>(config.sinusoids.steps);
      const double angle = position * std::pow(10000.0, exponent);
      row[i] = static_cast<float>(std::sin(angle));
      row[half + i] = static_cast<float>(std::cos(angle));
    }
    row += config.width;
  }
  return table;
}

std::vector<std::int32_t> position_rows(const DecoderConfig& config, const Batch& batch) {
  std::vector<std::int32_t> rows = batch.plan.positions;
  for (std::int32_t& row : rows) {
    row += static_cast<std::int32_t>(config.learned_position_shift);
    if (row >= config.learned_positions) {
      throw input_error(
          "the text is longer than this model can read: it has learned {} positions; shorten the "
          "text or lower --context",
          config.learned_positions - config.learned_position_shift);
    }
  }
  return rows;
}

// Beside each token's features those of the next and the previous one of its text: next, own,
// previous. x [T, d] -> [T, 3d].
Tensor with_neighbors(const Tensor& x, const AttentionPlan& plan) {
  const Tensor parts[] = {neighbors(x, plan, 1), x, neighbors(x, plan, -1)};
  return concatenate(parts, 1);
}

}  // namespace

Transformer::Transformer(const Architecture& architecture, DecoderConfig config, Weights weights)
    : architecture_(&architecture), config_(std::move(config)), weights_(std::move(weights)) {
  config_.validate();
  require_shapes(weights_, config_);
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
  return forward({weights_, config_, ""}, batch, cache, taps);
}

Tensor Transformer::encoded(const Batch& batch, Taps* taps) const {
  return forward({weights_.encoder.front(), *config_.encoder, "encoder."}, batch, nullptr, taps);
}

Tensor Transformer::forward(const Stack& stack, const Batch& batch, KvStore* cache,
                            Taps* taps) const {
  const auto& [weights, config, prefix] = stack;
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  if (tokens != batch.plan.tokens() ||
      (cache != nullptr && batch.cache_rows.size() != batch.tokens.size())) {
    throw internal_error("forward: {} tokens, {} positions, {} cache rows", tokens,
                         batch.plan.tokens(), batch.cache_rows.size());
  }
  if (config.encoder && !batch.source) {
    throw input_error("this model answers to texts that its encoder has read; the batch has none");
  }
  ForwardContext context{config, std::make_shared<const ForwardTables>(config, batch), cache, taps,
                         weights.relative_table};
  context.distance_table = weights.distances;
  context.distance_norm = &weights.distance_norm;
  if (batch.source) context.source_states = batch.source->states;
  const Tensor embeddings =
      tap(taps, std::string(prefix) + "embed", ".out", embedded(stack, batch, taps));
  Tensor x = embeddings;
  const bool recompute =
      gradient_checkpointing_ && taps == nullptr && cache == nullptr && Tape::current() != nullptr;
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    const DecoderLayer& layer = weights.layers[i];
    const auto number = static_cast<int>(i);
    x = recompute ? recomputed(layer, number, context, x) : layer.forward(x, number, context);
    if (number == 0 && weights.convolution.present()) {
      x = weights.convolution.forward(embeddings, x, batch.plan, config.convolution.activation,
                                      config.norm_epsilon, taps);
    }
  }
  if (weights.norm.present()) x = weights.norm.forward(x, config.norm, config.norm_epsilon, taps);
  return weights.embedding_out.weight.defined() ? weights.embedding_out.forward(x, taps) : x;
}

// What the layers start from: tokens, with positions and types where the model has learned them.
Tensor Transformer::embedded(const Stack& stack, const Batch& batch, Taps* taps) const {
  const Weights& weights = stack.weights;
  const DecoderConfig& config = stack.config;
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  const Tensor& table = weights.embedding.defined() ? weights.embedding : weights_.embedding;
  Tensor x = embedding(table, Tensor::from(batch.tokens, {tokens}));
  if (config.embedding_scale != 1) x = scale(x, config.embedding_scale);
  if (config.embedding_neighbors) x = with_neighbors(x, batch.plan);
  const auto widen = [&](EmbeddingSums place) {
    const bool is_here = config.embedding_width > 0 && config.embedding_sums == place;
    if (is_here) x = weights.embedding_in.forward(x, taps);
  };
  widen(EmbeddingSums::after_linear);
  if (config.learned_positions > 0) {
    x = add(x, embedding(weights.positions, Tensor::from(position_rows(config, batch), {tokens})));
  }
  if (config.sinusoids.steps > 0) x = add(x, sinusoids(config, batch.plan));
  if (config.token_types > 0) {
    const std::vector<std::int32_t> types =
        batch.types.empty() ? std::vector<std::int32_t>(batch.tokens.size(), 0) : batch.types;
    x = add(x, embedding(weights.token_types, Tensor::from(types, {tokens})));
  }
  widen(EmbeddingSums::before_linear_and_norm);
  if (weights.embedding_norm.present()) {
    x = weights.embedding_norm.forward(x, config.norm, config.norm_epsilon, taps);
  }
  widen(EmbeddingSums::before_linear);
  return x;
}

std::vector<LinearLayer*> Transformer::linears() {
  std::vector<LinearLayer*> list;
  const auto add_layers = [&](std::vector<DecoderLayer>& layers) {
    for (DecoderLayer& layer : layers) {
      const std::vector<LinearLayer*> more = layer.linears();
      list.insert(list.end(), more.begin(), more.end());
    }
  };
  for (Weights& encoder : weights_.encoder) add_layers(encoder.layers);
  add_layers(weights_.layers);
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
    const auto has = [&](std::string_view part) {
      return weight.site.find(part) != std::string_view::npos;
    };
    if (!has("layers.#.") || has("norm")) continue;
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
  const auto requantize_table = [dtype](Tensor& table) {
    if (table.defined() && table.dtype() != dtype) table = quantize(dequantize(table), dtype);
  };
  requantize_table(weights_.embedding);
  for (Weights& encoder : weights_.encoder) requantize_table(encoder.embedding);
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
  int layers_before = 0;
  const auto add_stack = [&](Weights& stack, const std::string& prefix) {
    add(prefix + "embed.weight", stack.embedding, ParameterRole::embedding, -1);
    add(prefix + "positions.weight", stack.positions, ParameterRole::embedding, -1);
    add(prefix + "token_types.weight", stack.token_types, ParameterRole::embedding, -1);
    add_linear(stack.embedding_in, -1);
    add_norm(stack.embedding_norm, -1);
    add(prefix + "relative.weight", stack.relative_table, ParameterRole::embedding, -1);
    add(prefix + "distances.weight", stack.distances, ParameterRole::embedding, -1);
    add_norm(stack.distance_norm, -1);
    add(stack.convolution.site + ".weight", stack.convolution.weight, ParameterRole::linear, -1);
    add(stack.convolution.site + ".bias", stack.convolution.bias, ParameterRole::bias, -1);
    add_norm(stack.convolution.norm, -1);
    for (std::size_t i = 0; i < stack.layers.size(); ++i) {
      DecoderLayer& layer = stack.layers[i];
      const int number = layers_before + static_cast<int>(i);
      for (NormLayer* norm : layer.norms()) add_norm(*norm, number);
      for (LinearLayer* linear : layer.linears()) add_linear(*linear, number);
    }
    layers_before += static_cast<int>(stack.layers.size());
    add_norm(stack.norm, -1);
    add_linear(stack.embedding_out, -1);
  };
  for (Weights& encoder : weights_.encoder) add_stack(encoder, "encoder.");
  add_stack(weights_, "");
  add("head.weight", weights_.head.weight, ParameterRole::head, -1);
  add("head_bias.weight", weights_.head_bias, ParameterRole::bias, -1);
  for (const auto& adapter : adapters_) {
    for (Parameter& parameter : adapter->parameters()) {
      parameter.name = adapter->name + ":" + parameter.name;
      list.push_back(std::move(parameter));
    }
  }
  return list;
}

}  // namespace bantam
