// T5 (arXiv:1910.10683), T5 1.1, FLAN-T5 and mT5: an encoder and a decoder that share their table
// of tokens, biases by distance instead of positions, scores that are not scaled. The first T5 has
// ReLU and scales its states before the head; later ones have a gate, and a head of their own.
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr std::string_view kGatedActivations = "gated-";

// All but the feed-forward's first linears.
constexpr WeightName kShared[] = {
    {"embed.weight", "shared.weight", "token_embd.weight"},
    {"encoder.relative.weight",
     "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
     "enc.blk.0.attn_rel_b.weight"},
    {"encoder.layers.#.attn_norm.weight", "encoder.block.#.layer.0.layer_norm.weight",
     "enc.blk.#.attn_norm.weight"},
    {"encoder.layers.#.attn.q.weight", "encoder.block.#.layer.0.SelfAttention.q.weight",
     "enc.blk.#.attn_q.weight"},
    {"encoder.layers.#.attn.k.weight", "encoder.block.#.layer.0.SelfAttention.k.weight",
     "enc.blk.#.attn_k.weight"},
    {"encoder.layers.#.attn.v.weight", "encoder.block.#.layer.0.SelfAttention.v.weight",
     "enc.blk.#.attn_v.weight"},
    {"encoder.layers.#.attn.o.weight", "encoder.block.#.layer.0.SelfAttention.o.weight",
     "enc.blk.#.attn_o.weight"},
    {"encoder.layers.#.mlp_norm.weight", "encoder.block.#.layer.1.layer_norm.weight",
     "enc.blk.#.ffn_norm.weight"},
    {"encoder.layers.#.mlp.down.weight", "encoder.block.#.layer.1.DenseReluDense.wo.weight",
     "enc.blk.#.ffn_down.weight"},
    {"encoder.norm.weight", "encoder.final_layer_norm.weight", "enc.output_norm.weight"},
    {"relative.weight", "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
     "dec.blk.0.attn_rel_b.weight"},
    {"layers.#.attn_norm.weight", "decoder.block.#.layer.0.layer_norm.weight",
     "dec.blk.#.attn_norm.weight"},
    {"layers.#.attn.q.weight", "decoder.block.#.layer.0.SelfAttention.q.weight",
     "dec.blk.#.attn_q.weight"},
    {"layers.#.attn.k.weight", "decoder.block.#.layer.0.SelfAttention.k.weight",
     "dec.blk.#.attn_k.weight"},
    {"layers.#.attn.v.weight", "decoder.block.#.layer.0.SelfAttention.v.weight",
     "dec.blk.#.attn_v.weight"},
    {"layers.#.attn.o.weight", "decoder.block.#.layer.0.SelfAttention.o.weight",
     "dec.blk.#.attn_o.weight"},
    {"layers.#.cross_norm.weight", "decoder.block.#.layer.1.layer_norm.weight",
     "dec.blk.#.cross_attn_norm.weight"},
    {"layers.#.cross.q.weight", "decoder.block.#.layer.1.EncDecAttention.q.weight",
     "dec.blk.#.cross_attn_q.weight"},
    {"layers.#.cross.k.weight", "decoder.block.#.layer.1.EncDecAttention.k.weight",
     "dec.blk.#.cross_attn_k.weight"},
    {"layers.#.cross.v.weight", "decoder.block.#.layer.1.EncDecAttention.v.weight",
     "dec.blk.#.cross_attn_v.weight"},
    {"layers.#.cross.o.weight", "decoder.block.#.layer.1.EncDecAttention.o.weight",
     "dec.blk.#.cross_attn_o.weight"},
    {"layers.#.mlp_norm.weight", "decoder.block.#.layer.2.layer_norm.weight",
     "dec.blk.#.ffn_norm.weight"},
    {"layers.#.mlp.down.weight", "decoder.block.#.layer.2.DenseReluDense.wo.weight",
     "dec.blk.#.ffn_down.weight"},
    {"norm.weight", "decoder.final_layer_norm.weight", "dec.output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

constexpr WeightName kPlainInner[] = {
    {"encoder.layers.#.mlp.up.weight", "encoder.block.#.layer.1.DenseReluDense.wi.weight",
     "enc.blk.#.ffn_up.weight"},
    {"layers.#.mlp.up.weight", "decoder.block.#.layer.2.DenseReluDense.wi.weight",
     "dec.blk.#.ffn_up.weight"},
};

constexpr WeightName kGatedInner[] = {
    {"encoder.layers.#.mlp.gate.weight", "encoder.block.#.layer.1.DenseReluDense.wi_0.weight",
     "enc.blk.#.ffn_gate.weight"},
    {"encoder.layers.#.mlp.up.weight", "encoder.block.#.layer.1.DenseReluDense.wi_1.weight",
     "enc.blk.#.ffn_up.weight"},
    {"layers.#.mlp.gate.weight", "decoder.block.#.layer.2.DenseReluDense.wi_0.weight",
     "dec.blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "decoder.block.#.layer.2.DenseReluDense.wi_1.weight",
     "dec.blk.#.ffn_up.weight"},
};

// Copies of the shared table, and a bias by distance that cross-attention does not use.
constexpr std::string_view kExtras[] = {"embed_tokens.",
                                        "EncDecAttention.relative_attention_bias."};

std::vector<WeightName> with_inner(std::span<const WeightName> inner) {
  std::vector<WeightName> all(std::begin(kShared), std::end(kShared));
  all.insert(all.end(), inner.begin(), inner.end());
  return all;
}

std::string feed_forward_kind(const HfConfig& config) {
  return config.string("feed_forward_proj").value_or("relu");
}

bool is_gated(const HfConfig& config) {
  return feed_forward_kind(config).starts_with(kGatedActivations);
}

// "gated-gelu" is GELU by its approximation with tanh; any other name says what it means.
void set_activation(DecoderConfig& out, const HfConfig& config) {
  const std::string kind = feed_forward_kind(config);
  out.gated = is_gated(config);
  const std::string name = kind == "gated-gelu" ? "gelu_new"
                           : out.gated          ? kind.substr(kGatedActivations.size())
                                                : kind;
  const auto activation = activation_named(name);
  if (!activation) {
    throw input_error("{}: feed_forward_proj is '{}'; known: relu, gated-gelu, gated-silu",
                      config.where(), escaped(kind));
  }
  out.activation = *activation;
}

double head_scale(std::int64_t width) { return 1 / std::sqrt(static_cast<double>(width)); }

// The decoder's side as `config` has it; the encoder is the same but for its depth.
void add_encoder(DecoderConfig& config, int layers) {
  config.attention_scale = 1;
  DecoderConfig encoder = config;
  encoder.layers = layers;
  encoder.bidirectional = true;
  encoder.logit_scale = 1;
  config.encoder = std::make_shared<const DecoderConfig>(std::move(encoder));
}

DecoderConfig from_hf(const HfConfig& config) {
  const Json usual = {
      {"num_hidden_layers",
       config.integer("num_decoder_layers").value_or(config.require_integer("num_layers"))},
      {"hidden_size", config.require_integer("d_model")},
      {"num_attention_heads", config.require_integer("num_heads")},
      {"head_dim", config.require_integer("d_kv")},
      {"intermediate_size", config.require_integer("d_ff")},
      {"vocab_size", config.require_integer("vocab_size")},
      {"max_position_embeddings", config.integer("n_positions").value_or(512)},
      {"rms_norm_eps", config.number("layer_norm_epsilon").value_or(1e-6)}};
  DecoderConfig out = common_from_hf(HfConfig(usual, config.where()));
  set_activation(out, config);
  out.relative.buckets = config.integer("relative_attention_num_buckets").value_or(32);
  out.relative.max_distance = config.integer("relative_attention_max_distance").value_or(128);
  out.tied_head = config.boolean("tie_word_embeddings").value_or(true);
  // transformers 5 calls every head tied, whatever the file holds, and says this instead.
  const bool scales = config.boolean("scale_decoder_outputs").value_or(out.tied_head);
  if (scales) out.logit_scale = head_scale(out.width);
  add_encoder(out, static_cast<int>(config.require_integer("num_layers")));
  return out;
}

DecoderConfig mt5_from_hf(const HfConfig& config) {
  DecoderConfig out = from_hf(config);
  out.logit_scale = 1;
  out.tied_head = config.boolean("tie_word_embeddings").value_or(false);
  return out;
}

std::string feed_forward_name(const DecoderConfig& config) {
  if (!config.gated) return std::string(activation_name(config.activation));
  if (config.activation == Activation::gelu_tanh) return "gated-gelu";
  return std::string(kGatedActivations) + std::string(activation_name(config.activation));
}

Json to_hf_as(const DecoderConfig& config, std::string_view type, std::string_view hf_class) {
  return {{"architectures", {hf_class}},
          {"model_type", type},
          {"is_encoder_decoder", true},
          {"d_model", config.width},
          {"d_kv", config.head_width},
          {"d_ff", config.feed_forward},
          {"num_layers", config.encoder->layers},
          {"num_decoder_layers", config.layers},
          {"num_heads", config.heads},
          {"vocab_size", config.vocabulary},
          {"n_positions", config.context},
          {"feed_forward_proj", feed_forward_name(config)},
          {"layer_norm_epsilon", config.norm_epsilon},
          {"relative_attention_num_buckets", config.relative.buckets},
          {"relative_attention_max_distance", config.relative.max_distance},
          {"tie_word_embeddings", config.tied_head}};
}

Json t5_to_hf(const DecoderConfig& config) {
  Json out = to_hf_as(config, "t5", "T5ForConditionalGeneration");
  out["scale_decoder_outputs"] = config.logit_scale != 1;
  return out;
}

Json mt5_to_hf(const DecoderConfig& config) {
  return to_hf_as(config, "mt5", "MT5ForConditionalGeneration");
}

// llama.cpp knows this distance alone.
constexpr std::int64_t kGgufMaxDistance = 128;

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "t5");
  const int encoder_layers = out.layers;
  out.layers = static_cast<int>(file.integer("t5.decoder_block_count").value_or(out.layers));
  out.gated = file.has("enc.blk.0.ffn_gate.weight");
  out.activation = out.gated ? Activation::gelu_tanh : Activation::relu;
  out.relative = {file.require_integer("t5.attention.relative_buckets_count"), kGgufMaxDistance};
  // llama.cpp leaves the scale out: it moves no token's rank.
  out.logit_scale =
      file.number("t5.logit_scale").value_or(out.tied_head ? head_scale(out.width) : 1.0);
  add_encoder(out, encoder_layers);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  const bool known = config.gated ? config.activation == Activation::gelu_tanh
                                  : config.activation == Activation::relu;
  if (!known || config.relative.max_distance != kGgufMaxDistance) {
    throw input_error(
        "GGUF has no keys for a T5 with {} and distances up to {}; export a Hugging Face folder "
        "instead",
        feed_forward_name(config), config.relative.max_distance);
  }
  common_to_gguf(*config.encoder, writer, "t5");
  writer.set("t5.decoder_block_count", static_cast<std::uint32_t>(config.layers));
  writer.set("t5.attention.layer_norm_epsilon", config.norm_epsilon);
  writer.set("t5.attention.relative_buckets_count",
             static_cast<std::uint32_t>(config.relative.buckets));
  writer.set("t5.logit_scale", static_cast<float>(config.logit_scale));
}

Architecture family(std::span<const WeightName> weights) {
  return {
      .name = "t5",
      .hf_model_type = "t5",
      .hf_class = "T5ForConditionalGeneration",
      .gguf_name = "t5",
      .weights = weights,
      .hf_prefix = "",
      .hf_extras = kExtras,
      .head_by_file = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = t5_to_hf,
      .config_to_gguf = to_gguf,
  };
}

Architecture gated(Architecture plain) {
  static const std::vector<WeightName> weights = with_inner(kGatedInner);
  plain.weights = weights;
  plain.hf_accepts = is_gated;
  plain.gguf_mark = "enc.blk.0.ffn_gate.weight";
  return plain;
}

Architecture multilingual(Architecture plain) {
  plain.name = plain.hf_model_type = "mt5";
  plain.hf_class = "MT5ForConditionalGeneration";
  plain.config_from_hf = mt5_from_hf;
  plain.config_to_hf = mt5_to_hf;
  return plain;
}

}  // namespace

const Architecture& t5_architecture() {
  static const std::vector<WeightName> weights = with_inner(kPlainInner);
  static const Architecture t5 = family(weights);
  return t5;
}

const Architecture& t5_gated_architecture() {
  static const Architecture t5 = gated(t5_architecture());
  return t5;
}

const Architecture& mt5_architecture() {
  static const Architecture mt5 = multilingual(t5_architecture());
  return mt5;
}

const Architecture& mt5_gated_architecture() {
  static const Architecture mt5 = multilingual(t5_gated_architecture());
  return mt5;
}

}  // namespace bantam
