#include "bantam/model/architectures/family_keys.h"

#include <algorithm>
#include <functional>

#include "bantam/base/checked.h"
#include "bantam/base/error.h"
#include "bantam/base/options.h"
#include "bantam/model/memory_estimate.h"

namespace bantam {
namespace {

std::int64_t width_of_head(const DecoderConfig& config) {
  return config.heads > 0 ? config.width / config.heads : 0;
}

// The numbers of all layers, from a key that holds one for all or one for each.
std::vector<std::int64_t> numbers_of_layers(const GgufFile& file, const std::string& key,
                                            int layers) {
  const GgufValue* value = file.find(key);
  if (value == nullptr || !std::holds_alternative<GgufArray>(*value)) {
    return std::vector<std::int64_t>(static_cast<std::size_t>(layers), file.require_integer(key));
  }
  std::vector<std::int64_t> numbers = *file.integers(key);
  if (std::ssize(numbers) != layers) {
    throw input_error("{}: {} has {} numbers for {} layers", file.description(), key,
                      numbers.size(), layers);
  }
  return numbers;
}

}  // namespace

const std::array<HfBiasKey, 2> kLlamaBiasKeys = {
    {{"attention_bias", "layers.#.attn.o"}, {"mlp_bias", "layers.#.mlp.down"}}};

const std::array<std::string_view, 8> kBertExtras = {"pooler.",
                                                     "position_ids",
                                                     "cls.",
                                                     "lm_head.",
                                                     "classifier.",
                                                     "qa_outputs.",
                                                     "discriminator_predictions.",
                                                     "generator_predictions."};

const std::array<WeightName, 12> kLlamaWeights = {{
    {"embed.weight", "model.embed_tokens.weight", "token_embd.weight"},
    {"layers.#.attn_norm.weight", "model.layers.#.input_layernorm.weight",
     "blk.#.attn_norm.weight"},
    {"layers.#.attn.q.weight", "model.layers.#.self_attn.q_proj.weight", "blk.#.attn_q.weight"},
    {"layers.#.attn.k.weight", "model.layers.#.self_attn.k_proj.weight", "blk.#.attn_k.weight"},
    {"layers.#.attn.v.weight", "model.layers.#.self_attn.v_proj.weight", "blk.#.attn_v.weight"},
    {"layers.#.attn.o.weight", "model.layers.#.self_attn.o_proj.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.mlp_norm.weight", "model.layers.#.post_attention_layernorm.weight",
     "blk.#.ffn_norm.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
}};

Activation activation_from_hf(const HfConfig& config, std::string_view key,
                              std::string_view by_default) {
  const std::string name = config.string(key).value_or(std::string(by_default));
  if (const auto activation = activation_named(name)) return *activation;
  throw input_error(
      "{}: {} is '{}'; known: silu, gelu, gelu_pytorch_tanh (gelu_new), relu, relu2, "
      "tanh",
      config.where(), key, escaped(name));
}

int layer_count(std::int64_t stated) {
  if (stated < 1 || stated > 4096) {
    const std::string found =
        fmt::format("model: number of layers is {}; expected 1 to 4,096", stated);
    const std::uint64_t available = available_memory();
    const auto needed =
        checked_multiply(static_cast<std::uint64_t>(std::max<std::int64_t>(stated, 0)),
                         std::uint64_t{sizeof(DecoderLayer)});
    if (needed && *needed <= available) throw input_error("{}", found);
    throw resource_error("{}, which without their weights take {} of memory where {} are available",
                         found, needed ? format_bytes(*needed) : "more than 2^64 bytes",
                         format_bytes(available));
  }
  return static_cast<int>(stated);
}

DecoderConfig common_from_hf(const HfConfig& config) {
  DecoderConfig out;
  out.layers = layer_count(config.require_integer("num_hidden_layers"));
  out.width = config.require_integer("hidden_size");
  out.heads = config.require_integer("num_attention_heads");
  out.kv_heads = config.integer("num_key_value_heads").value_or(out.heads);
  out.head_width = config.integer("head_dim").value_or(width_of_head(out));
  out.feed_forward = config.require_integer("intermediate_size");
  out.vocabulary = config.require_integer("vocab_size");
  out.context = config.integer("max_position_embeddings").value_or(2048);
  out.norm_epsilon = static_cast<float>(config.number("rms_norm_eps").value_or(1e-6));
  out.tied_head = config.boolean("tie_word_embeddings").value_or(false);
  out.activation = activation_from_hf(config, "hidden_act", "silu");
  return out;
}

DecoderConfig common_from_gguf(const GgufFile& file, std::string_view prefix) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.{}", prefix, name); };
  DecoderConfig out;
  out.layers = layer_count(file.require_integer(key("block_count")));
  out.width = file.require_integer(key("embedding_length"));
  const auto of_layers = [&](std::string_view name) {
    return numbers_of_layers(file, key(name), out.layers);
  };
  const std::vector<std::int64_t> heads = of_layers("attention.head_count");
  const bool grouped = file.find(key("attention.head_count_kv")) != nullptr;
  set_layer_sizes(out, &LayerPart::heads, &DecoderConfig::heads, heads);
  set_layer_sizes(out, &LayerPart::kv_heads, &DecoderConfig::kv_heads,
                  grouped ? of_layers("attention.head_count_kv") : heads);
  set_layer_sizes(out, &LayerPart::feed_forward, &DecoderConfig::feed_forward,
                  of_layers("feed_forward_length"));
  out.head_width = out.sizes_differ()
                       ? file.require_integer(key("attention.key_length"))
                       : file.integer(key("attention.key_length")).value_or(width_of_head(out));
  out.context = file.require_integer(key("context_length"));
  const auto rms = file.number(key("attention.layer_norm_rms_epsilon"));
  out.norm = rms ? NormKind::rms : NormKind::layer;
  out.norm_epsilon =
      static_cast<float>(rms ? *rms : file.require_number(key("attention.layer_norm_epsilon")));
  out.tied_head = !file.has("output.weight");
  out.vocabulary = file.tensor("token_embd.weight").size(0);
  const auto stated = file.integer(key("vocab_size"));
  if (stated && *stated != out.vocabulary) {
    throw input_error("{}: {} is {} but token_embd.weight has {} rows", file.description(),
                      key("vocab_size"), *stated, out.vocabulary);
  }
  return out;
}

void set_layer_sizes(DecoderConfig& config, std::int64_t LayerPart::*of_layer,
                     std::int64_t DecoderConfig::*of_model, std::span<const std::int64_t> numbers) {
  config.*of_model = *std::ranges::max_element(numbers);
  if (std::ranges::all_of(numbers, [&](auto number) { return number == config.*of_model; })) return;
  config.layer_parts.resize(static_cast<std::size_t>(config.layers));
  for (std::size_t layer = 0; layer < numbers.size(); ++layer) {
    if (numbers[layer] < 1) {
      throw input_error("model: a size of layer {} is {}; expected 1 or more", layer,
                        numbers[layer]);
    }
    config.layer_parts[layer].*of_layer = numbers[layer];
  }
}

std::vector<std::int64_t> sizes_of_layers(const DecoderConfig& config,
                                          std::int64_t LayerPart::*of_layer) {
  std::vector<std::int64_t> sizes;
  for (int layer = 0; layer < config.layers; ++layer) {
    sizes.push_back(config.layer(layer).*of_layer);
  }
  return sizes;
}

void set_windows(DecoderConfig& config, std::int64_t window) {
  config.layer_parts.resize(static_cast<std::size_t>(config.layers));
  for (LayerPart& part : config.layer_parts) part.window = window;
}

Json common_to_hf(const DecoderConfig& config, std::string_view model_type,
                  std::string_view hf_class) {
  if (config.sizes_differ()) {
    throw input_error(
        "config.json of {} has one number of heads and one feed-forward width for all layers, and "
        "the layers of this model differ; write a GGUF file instead",
        model_type);
  }
  return {{"architectures", {hf_class}},
          {"model_type", model_type},
          {"hidden_size", config.width},
          {"num_hidden_layers", config.layers},
          {"num_attention_heads", config.heads},
          {"num_key_value_heads", config.kv_heads},
          {"head_dim", config.head_width},
          {"intermediate_size", config.feed_forward},
          {"vocab_size", config.vocabulary},
          {"max_position_embeddings", config.context},
          {config.norm == NormKind::rms ? "rms_norm_eps" : "layer_norm_eps", config.norm_epsilon},
          {"hidden_act", activation_name(config.activation)},
          {"tie_word_embeddings", config.tied_head}};
}

void common_to_gguf(const DecoderConfig& config, GgufWriter& writer, std::string_view prefix) {
  const auto set = [&](std::string_view key, std::int64_t value) {
    writer.set(fmt::format("{}.{}", prefix, key), static_cast<std::uint32_t>(value));
  };
  set("block_count", config.layers);
  set("context_length", config.context);
  const auto set_of_layers = [&](std::string_view key, std::int64_t LayerPart::*of_layer) {
    const std::vector<std::int64_t> sizes = sizes_of_layers(config, of_layer);
    if (std::ranges::adjacent_find(sizes, std::not_equal_to<>()) == sizes.end()) {
      set(key, sizes.front());
    } else {
      writer.set(fmt::format("{}.{}", prefix, key),
                 GgufArray{std::vector<std::int32_t>(sizes.begin(), sizes.end())});
    }
  };
  set("embedding_length", config.width);
  set_of_layers("feed_forward_length", &LayerPart::feed_forward);
  set_of_layers("attention.head_count", &LayerPart::heads);
  set_of_layers("attention.head_count_kv", &LayerPart::kv_heads);
  set("attention.key_length", config.head_width);
  set("attention.value_length", config.head_width);
  set("vocab_size", config.vocabulary);
  writer.set(fmt::format("{}.attention.layer_norm_{}epsilon", prefix,
                         config.norm == NormKind::rms ? "rms_" : ""),
             config.norm_epsilon);
}

DecoderConfig bert_like_from_hf(const HfConfig& config) {
  const std::string kind = config.string("position_embedding_type").value_or("absolute");
  if (kind != "absolute") {
    throw input_error("{}: position_embedding_type is '{}'; known: absolute", config.where(),
                      escaped(kind));
  }
  DecoderConfig out = common_from_hf(config);
  out.bidirectional = true;
  out.norm = NormKind::layer;
  out.norm_epsilon = static_cast<float>(config.number("layer_norm_eps").value_or(1e-12));
  out.norm_placement = NormPlacement::after_sums;
  out.activation = activation_from_hf(config, "hidden_act", "gelu");
  out.gated = false;
  out.learned_positions = out.context;
  out.token_types = config.integer("type_vocab_size").value_or(2);
  return out;
}

Json bert_like_to_hf(const DecoderConfig& config, std::string_view model_type,
                     std::string_view hf_class) {
  Json out = common_to_hf(config, model_type, hf_class);
  for (const char* key : {"head_dim", "num_key_value_heads", "tie_word_embeddings"}) out.erase(key);
  out["max_position_embeddings"] = config.learned_positions;
  out["type_vocab_size"] = config.token_types;
  return out;
}

Activation activation_from_gguf(const GgufFile& file, std::string_view prefix) {
  const std::string key = fmt::format("{}.hidden_activation", prefix);
  const std::string name = file.string(key).value_or("gelu");
  if (const auto activation = activation_named(name)) return *activation;
  throw input_error("{}: {} is '{}', which is not known", file.description(), key, escaped(name));
}

void activation_to_gguf(Activation activation, std::span<const Activation> known,
                        GgufWriter& writer, std::string_view prefix) {
  const std::string name(activation_name(activation));
  if (std::ranges::find(known, activation) == known.end()) {
    throw input_error(
        "GGUF's {} does not know {} in feed-forwards; export a Hugging Face folder instead", prefix,
        name);
  }
  writer.set(fmt::format("{}.hidden_activation", prefix), name);
}

namespace {

constexpr std::string_view kModelTypeKey = "bantam.model_type";

}  // namespace

DecoderConfig bert_like_from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "bert");
  out.activation = activation_from_gguf(file, "bert");
  out.gated = false;
  out.norm_placement = NormPlacement::after_sums;
  out.bidirectional = true;
  out.learned_positions = file.tensor("position_embd.weight").size(0);
  out.context = std::min(out.context, out.learned_positions);
  out.token_types = file.has("token_types.weight") ? file.tensor("token_types.weight").size(0) : 0;
  return out;
}

void bert_like_to_gguf(const DecoderConfig& config, GgufWriter& writer,
                       std::string_view model_type) {
  if (config.embedding_width > 0) {
    throw input_error(
        "GGUF's bert has no place for an embedding that is narrower than the layers; export a "
        "Hugging Face folder instead");
  }
  constexpr Activation kKnown[] = {Activation::gelu, Activation::gelu_tanh};
  common_to_gguf(config, writer, "bert");
  activation_to_gguf(config.activation, kKnown, writer, "bert");
  writer.set("bert.attention.causal", false);
  writer.set("tokenizer.ggml.token_type_count",
             static_cast<std::uint32_t>(std::max<std::int64_t>(1, config.token_types)));
  writer.set(kModelTypeKey, std::string(model_type));
}

bool bert_like_is(const GgufFile& file, std::string_view model_type, std::string_view vocabulary) {
  const auto stated = file.string(kModelTypeKey);
  return stated ? *stated == model_type : file.string("tokenizer.ggml.model") == vocabulary;
}

void windows_from_hf(DecoderConfig& config, const HfConfig& file, std::int64_t window,
                     bool (*slides)(int layer)) {
  config.layer_parts.resize(static_cast<std::size_t>(config.layers));
  const auto types = file.json().find("layer_types");
  const bool listed = types != file.json().end() && types->is_array();
  if (listed && std::ssize(*types) != config.layers) {
    throw input_error("{}: layer_types names {} layers, num_hidden_layers is {}", file.where(),
                      types->size(), config.layers);
  }
  for (int layer = 0; layer < config.layers; ++layer) {
    const auto place = static_cast<std::size_t>(layer);
    const bool sliding = listed ? (*types)[place] == Json("sliding_attention") : slides(layer);
    if (sliding) config.layer_parts[place].window = window;
  }
}

Json layer_types_of(const DecoderConfig& config) {
  Json types = Json::array();
  for (int layer = 0; layer < config.layers; ++layer) {
    types.push_back(config.layer(layer).window > 0 ? "sliding_attention" : "full_attention");
  }
  return types;
}

ExpertsPart experts_from_gguf(const GgufFile& file, std::string_view prefix) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.{}", prefix, name); };
  ExpertsPart part;
  part.count = file.integer(key("expert_count")).value_or(0);
  if (part.count == 0) return part;
  part.used = file.require_integer(key("expert_used_count"));
  part.width = file.integer(key("expert_feed_forward_length"))
                   .value_or(file.require_integer(key("feed_forward_length")));
  return part;
}

void experts_to_gguf(const DecoderConfig& config, GgufWriter& writer, std::string_view prefix) {
  const auto set = [&](std::string_view key, std::int64_t value) {
    writer.set(fmt::format("{}.{}", prefix, key), static_cast<std::uint32_t>(value));
  };
  set("expert_count", config.experts.count);
  set("expert_used_count", config.experts.used);
  set("expert_feed_forward_length", config.experts.width);
}

void set_expert_layers(DecoderConfig& config, int first) {
  config.layer_parts.resize(static_cast<std::size_t>(config.layers));
  for (int layer = first; layer < config.layers; ++layer) {
    config.layer_parts[static_cast<std::size_t>(layer)].experts = true;
  }
}

}  // namespace bantam
