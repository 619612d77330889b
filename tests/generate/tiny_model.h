// A random model of a few thousand weights with a byte-level tokenizer: small enough to recompute
// everything without a cache.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bantam/base/random.h"
#include "bantam/model/architecture.h"
#include "bantam/model/causal_lm.h"
#include "bantam/model/load_model.h"
#include "bantam/tensor/ops/rope.h"
#include "bantam/text/byte_level.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

inline Tensor random_tensor(const Shape& shape, double deviation, const std::string& name,
                            std::uint64_t seed) {
  const RandomStream stream(seed, name);
  Tensor tensor = Tensor::empty(shape);
  float* values = tensor.data<float>();
  for (std::int64_t i = 0; i < tensor.count(); ++i) {
    values[i] = static_cast<float>(deviation * stream.normal_at(static_cast<std::uint64_t>(i)));
  }
  return tensor;
}

inline LinearLayer random_linear(const std::string& site, std::int64_t outputs, std::int64_t inputs,
                                 std::uint64_t seed) {
  LinearLayer layer;
  layer.site = site;
  layer.weight = random_tensor({outputs, inputs}, 0.6, site, seed);
  return layer;
}

/// Frequencies for heads of so many features.
inline RopePart plain_rope(int head_width = 4) {
  RopePart rope;
  rope.frequencies = rope_frequencies(head_width, rope.theta);
  return rope;
}

/// LongRoPE that turns otherwise from `switch_length` tokens on.
inline RopePart switching_rope(std::int64_t switch_length) {
  RopePart rope = plain_rope();
  rope.switch_length = switch_length;
  rope.long_frequencies = {0.7, 0.05};
  return rope;
}

/// 2 layers, 4 query heads on 2 key heads.
inline std::shared_ptr<CausalLM> tiny_model(std::int64_t vocabulary, std::uint64_t seed = 7,
                                            std::int64_t context = 256,
                                            const RopePart& rope = plain_rope(),
                                            std::int64_t width = 16) {
  DecoderConfig config;
  config.layers = 2;
  config.width = width;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_width = width / 4;
  config.feed_forward = width / 2 * 3;
  config.vocabulary = vocabulary;
  config.context = context;
  config.ropes = {rope};
  CausalLM::Weights weights;
  weights.embedding = random_tensor({vocabulary, config.width}, 0.7, "embed", seed);
  for (int i = 0; i < config.layers; ++i) {
    const std::string site = "layers." + std::to_string(i);
    DecoderLayer layer;
    layer.site = site;
    layer.attention_norm = {site + ".attn_norm", Tensor::full({width}, 1), {}};
    layer.feed_forward_norm = {site + ".mlp_norm", Tensor::full({width}, 1), {}};
    layer.attention.site = site + ".attn";
    layer.attention.query = random_linear(site + ".attn.q", width, width, seed);
    layer.attention.key = random_linear(site + ".attn.k", width / 2, width, seed);
    layer.attention.value = random_linear(site + ".attn.v", width / 2, width, seed);
    layer.attention.output = random_linear(site + ".attn.o", width, width, seed);
    layer.feed_forward.site = site + ".mlp";
    layer.feed_forward.gate = random_linear(site + ".mlp.gate", config.feed_forward, width, seed);
    layer.feed_forward.up = random_linear(site + ".mlp.up", config.feed_forward, width, seed);
    layer.feed_forward.down = random_linear(site + ".mlp.down", width, config.feed_forward, seed);
    weights.layers.push_back(std::move(layer));
  }
  weights.norm = {"norm", Tensor::full({width}, 1), {}};
  return std::make_shared<CausalLM>(architecture_of_hf("llama"), config, std::move(weights));
}

/// All bytes, two merges ("th", "the"), and the control tokens of ChatML; <|im_end|> ends a turn.
inline std::shared_ptr<const Tokenizer> tiny_tokenizer() {
  BytePairVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    const auto character = static_cast<char>(byte);
    vocabulary.tokens.push_back(to_byte_level(std::string_view(&character, 1)));
    vocabulary.types.push_back(TokenType::normal);
  }
  for (const char* merged : {"th", "the"}) {
    vocabulary.tokens.emplace_back(merged);
    vocabulary.types.push_back(TokenType::normal);
  }
  vocabulary.merges = {"t h", "th e"};
  for (const char* control : {"<|im_start|>", "<|im_end|>"}) {
    vocabulary.tokens.emplace_back(control);
    vocabulary.types.push_back(TokenType::control);
  }
  vocabulary.eos = 259;
  return Tokenizer::from_vocabulary(std::move(vocabulary));
}

/// Model and tokenizer; four embedding rows more than tokens, as padded vocabularies have.
inline LoadedModel tiny_loaded(std::uint64_t seed = 7, std::int64_t context = 256,
                               const RopePart& rope = plain_rope()) {
  LoadedModel loaded;
  loaded.model = tiny_model(264, seed, context, rope);
  loaded.tokenizer = tiny_tokenizer();
  loaded.generation_defaults = Json::object();
  loaded.name = "tiny";
  return loaded;
}

/// The same with weights of 8 bits, in a model wide enough for them.
inline LoadedModel tiny_quantized(std::int64_t context = 512) {
  LoadedModel loaded = tiny_loaded(7, context);
  const auto model = tiny_model(264, 7, context, plain_rope(16), 64);
  model->quantize_weights(DType::q8_0);
  loaded.model = model;
  return loaded;
}

/// Tokens below 256, a function of the seed.
inline std::vector<std::int32_t> random_tokens(std::size_t count, std::uint64_t seed) {
  RandomStream stream(seed, "tokens");
  std::vector<std::int32_t> tokens;
  while (tokens.size() < count) {
    tokens.push_back(static_cast<std::int32_t>(stream.next_below(256)));
  }
  return tokens;
}

/// Logits after every token of one sequence, computed without a store.
inline Tensor full_logits(const CausalLM& model, const std::vector<std::int32_t>& tokens) {
  const std::vector<std::vector<std::int32_t>> sequences = {tokens};
  return model.logits(model.hidden(make_batch(sequences)));
}

}  // namespace bantam
