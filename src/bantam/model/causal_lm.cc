#include "bantam/model/causal_lm.h"

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

}  // namespace

CausalLM::CausalLM(const Architecture& architecture, DecoderConfig config, Weights weights)
    : architecture_(&architecture), config_(std::move(config)), weights_(std::move(weights)) {
  config_.validate();
  const std::int64_t width = config_.width;
  const std::int64_t query_width = config_.heads * config_.head_width;
  const std::int64_t key_width = config_.kv_heads * config_.head_width;
  if (weights_.embedding.defined() && weights_.embedding.size(0) != config_.vocabulary) {
    throw input_error("model: the embedding table has {} rows but the vocabulary {} tokens",
                      weights_.embedding.size(0), config_.vocabulary);
  }
  require_shape("embedding", weights_.embedding, {config_.vocabulary, width});
  require_shape("norm", weights_.norm.weight, {width});
  if (!config_.tied_head) require_linear(weights_.head, config_.vocabulary, width);
  for (const DecoderLayer& layer : weights_.layers) {
    require_shape(layer.attention_norm.site, layer.attention_norm.weight, {width});
    require_shape(layer.feed_forward_norm.site, layer.feed_forward_norm.weight, {width});
    require_linear(layer.attention.query, query_width, width);
    require_linear(layer.attention.key, key_width, width);
    require_linear(layer.attention.value, key_width, width);
    require_linear(layer.attention.output, width, query_width);
    require_linear(layer.feed_forward.gate, config_.feed_forward, width);
    require_linear(layer.feed_forward.up, config_.feed_forward, width);
    require_linear(layer.feed_forward.down, width, config_.feed_forward);
  }
}

KvShape CausalLM::kv_shape() const {
  KvShape shape = config_.kv_shape();
  const bool rounds = std::ranges::any_of(linears(), [](const LinearLayer* linear) {
    return rounds_in_answers(linear->weight.dtype());
  });
  if (rounds) shape.dtype = DType::f16;
  return shape;
}

Tensor CausalLM::hidden(const Batch& batch, KvStore* cache, Taps* taps) const {
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  if (tokens != batch.plan.tokens() ||
      (cache != nullptr && batch.cache_rows.size() != batch.tokens.size())) {
    throw internal_error("forward: {} tokens, {} positions, {} cache rows", tokens,
                         batch.plan.tokens(), batch.cache_rows.size());
  }
  const Tensor positions = Tensor::from(batch.plan.positions, {tokens});
  const ForwardContext context{
      config_, batch, rope_table(positions, config_.rope.frequencies, config_.rope.magnitude),
      cache, taps};
  Tensor x = embedding(weights_.embedding, Tensor::from(batch.tokens, {tokens}));
  x = tap(taps, "embed", ".out", x);
  const bool recompute =
      gradient_checkpointing_ && taps == nullptr && cache == nullptr && Tape::current() != nullptr;
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const DecoderLayer& layer = weights_.layers[i];
    const auto number = static_cast<int>(i);
    if (recompute) {
      // The segment outlives this call (backward runs it again), so it owns what it needs of the
      // context.
      x = checkpoint(
          [this, &layer, number, batch, rope = context.rope](std::span<const Tensor> inputs) {
            return layer.forward(inputs[0], number,
                                 ForwardContext{config_, batch, rope, nullptr, nullptr});
          },
          {x});
    } else {
      x = layer.forward(x, number, context);
    }
  }
  return weights_.norm.forward(x, config_.norm_epsilon, taps);
}

Tensor CausalLM::logits(const Tensor& hidden, Taps* taps) const {
  return tap(taps, "head", ".out", linear(tap(taps, "head", ".in", hidden), head_weight()));
}

std::vector<LinearLayer*> CausalLM::linears() {
  std::vector<LinearLayer*> list;
  for (DecoderLayer& layer : weights_.layers) {
    AttentionLayer& a = layer.attention;
    FeedForwardLayer& f = layer.feed_forward;
    list.insert(list.end(), {&a.query, &a.key, &a.value, &a.output, &f.gate, &f.up, &f.down});
  }
  return list;
}

std::vector<const LinearLayer*> CausalLM::linears() const {
  const auto list = const_cast<CausalLM*>(this)->linears();
  return {list.begin(), list.end()};
}

void CausalLM::attach(std::shared_ptr<Adapter> adapter) {
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

void CausalLM::detach(const Adapter* adapter) {
  const auto is_it = [adapter](const auto& held) { return held.get() == adapter; };
  for (LinearLayer* linear : linears()) std::erase_if(linear->adapters, is_it);
  std::erase_if(adapters_, is_it);
}

std::shared_ptr<Adapter> CausalLM::make_adapter(std::string name, const LoraOptions& options,
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

void CausalLM::merge_adapters() {
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

void CausalLM::quantize_weights(DType dtype) {
  for (LinearLayer* linear : linears()) {
    if (linear->weight.dtype() != dtype)
      linear->weight = quantize(dequantize(linear->weight), dtype);
  }
  if (weights_.embedding.dtype() != dtype)
    weights_.embedding = quantize(dequantize(weights_.embedding), dtype);
  if (!config_.tied_head && weights_.head.weight.dtype() != dtype) {
    weights_.head.weight = quantize(dequantize(weights_.head.weight), dtype);
  }
}

std::vector<Parameter> CausalLM::parameters() {
  std::vector<Parameter> list;
  list.push_back({"embed.weight", &weights_.embedding, ParameterRole::embedding, -1});
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    DecoderLayer& layer = weights_.layers[i];
    const auto number = static_cast<int>(i);
    const auto add_linear = [&](LinearLayer& linear) {
      list.push_back({linear.site + ".weight", &linear.weight, ParameterRole::linear, number});
      if (linear.bias.defined())
        list.push_back({linear.site + ".bias", &linear.bias, ParameterRole::bias, number});
    };
    const auto add_norm = [&](NormLayer& norm) {
      list.push_back({norm.site + ".weight", &norm.weight, ParameterRole::norm, number});
    };
    add_norm(layer.attention_norm);
    for (LinearLayer* linear : {&layer.attention.query, &layer.attention.key,
                                &layer.attention.value, &layer.attention.output}) {
      add_linear(*linear);
    }
    add_norm(layer.feed_forward_norm);
    for (LinearLayer* linear :
         {&layer.feed_forward.gate, &layer.feed_forward.up, &layer.feed_forward.down}) {
      add_linear(*linear);
    }
  }
  list.push_back({"norm.weight", &weights_.norm.weight, ParameterRole::norm, -1});
  if (!config_.tied_head)
    list.push_back({"head.weight", &weights_.head.weight, ParameterRole::head, -1});
  for (const auto& adapter : adapters_) {
    for (Parameter& parameter : adapter->parameters()) {
      parameter.name = adapter->name + ":" + parameter.name;
      list.push_back(std::move(parameter));
    }
  }
  return list;
}

Batch make_batch(std::span<const std::vector<std::int32_t>> sequences) {
  Batch batch;
  std::vector<std::int64_t> lengths;
  for (const auto& sequence : sequences) {
    batch.tokens.insert(batch.tokens.end(), sequence.begin(), sequence.end());
    lengths.push_back(static_cast<std::int64_t>(sequence.size()));
  }
  batch.plan = AttentionPlan::causal(lengths);
  return batch;
}

}  // namespace bantam
