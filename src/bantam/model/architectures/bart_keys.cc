#include "bantam/model/architectures/bart_keys.h"

#include <cmath>

namespace bantam {
namespace {

constexpr WeightName kLayers[] = {
    {"encoder.layers.#.attn.q.weight", "model.encoder.layers.#.self_attn.q_proj.weight"},
    {"encoder.layers.#.attn.k.weight", "model.encoder.layers.#.self_attn.k_proj.weight"},
    {"encoder.layers.#.attn.v.weight", "model.encoder.layers.#.self_attn.v_proj.weight"},
    {"encoder.layers.#.attn.o.weight", "model.encoder.layers.#.self_attn.out_proj.weight"},
    {"encoder.layers.#.attn_norm.weight", "model.encoder.layers.#.self_attn_layer_norm.weight"},
    {"encoder.layers.#.mlp.up.weight", "model.encoder.layers.#.fc1.weight"},
    {"encoder.layers.#.mlp.down.weight", "model.encoder.layers.#.fc2.weight"},
    {"encoder.layers.#.mlp_norm.weight", "model.encoder.layers.#.final_layer_norm.weight"},
    {"layers.#.attn.q.weight", "model.decoder.layers.#.self_attn.q_proj.weight"},
    {"layers.#.attn.k.weight", "model.decoder.layers.#.self_attn.k_proj.weight"},
    {"layers.#.attn.v.weight", "model.decoder.layers.#.self_attn.v_proj.weight"},
    {"layers.#.attn.o.weight", "model.decoder.layers.#.self_attn.out_proj.weight"},
    {"layers.#.attn_norm.weight", "model.decoder.layers.#.self_attn_layer_norm.weight"},
    {"layers.#.cross.q.weight", "model.decoder.layers.#.encoder_attn.q_proj.weight"},
    {"layers.#.cross.k.weight", "model.decoder.layers.#.encoder_attn.k_proj.weight"},
    {"layers.#.cross.v.weight", "model.decoder.layers.#.encoder_attn.v_proj.weight"},
    {"layers.#.cross.o.weight", "model.decoder.layers.#.encoder_attn.out_proj.weight"},
    {"layers.#.cross_norm.weight", "model.decoder.layers.#.encoder_attn_layer_norm.weight"},
    {"layers.#.mlp.up.weight", "model.decoder.layers.#.fc1.weight"},
    {"layers.#.mlp.down.weight", "model.decoder.layers.#.fc2.weight"},
    {"layers.#.mlp_norm.weight", "model.decoder.layers.#.final_layer_norm.weight"},
};

constexpr WeightName kOneTable[] = {{"embed.weight", "model.shared.weight"}};
constexpr WeightName kTwoTables[] = {
    {"embed.weight", "model.decoder.embed_tokens.weight"},
    {"encoder.embed.weight", "model.encoder.embed_tokens.weight"},
};
constexpr WeightName kPositions[] = {
    {"positions.weight", "model.decoder.embed_positions.weight"},
    {"encoder.positions.weight", "model.encoder.embed_positions.weight"},
};
constexpr WeightName kEmbeddingNorms[] = {
    {"embed_norm.weight", "model.decoder.layernorm_embedding.weight"},
    {"encoder.embed_norm.weight", "model.encoder.layernorm_embedding.weight"},
};
constexpr WeightName kFinalNorms[] = {
    {"norm.weight", "model.decoder.layer_norm.weight"},
    {"encoder.norm.weight", "model.encoder.layer_norm.weight"},
};
constexpr WeightName kHead[] = {{"head.weight", "lm_head.weight"}};
constexpr WeightName kHeadBias[] = {
    {"head_bias.weight", "final_logits_bias", "", FileRows::all, true}};

// One stack, "encoder" or "decoder".
DecoderConfig stack_from_hf(const HfConfig& config, const std::string& name,
                            Activation by_default) {
  const Json usual = {
      {"num_hidden_layers", config.require_integer(name + "_layers")},
      {"hidden_size", config.require_integer("d_model")},
      {"num_attention_heads", config.require_integer(name + "_attention_heads")},
      {"intermediate_size", config.require_integer(name + "_ffn_dim")},
      {"vocab_size", config.require_integer("vocab_size")},
      {"max_position_embeddings", config.integer("max_position_embeddings").value_or(1024)},
      {"tie_word_embeddings", config.boolean("tie_word_embeddings").value_or(true)}};
  DecoderConfig out = common_from_hf(HfConfig(usual, config.where()));
  out.activation = activation_from_hf(config, "activation_function", activation_name(by_default));
  out.gated = false;
  out.norm = NormKind::layer;
  out.norm_epsilon = 1e-5f;
  out.norm_placement = NormPlacement::after_sums;
  if (config.boolean("scale_embedding").value_or(false)) {
    out.embedding_scale = std::sqrt(static_cast<double>(out.width));
  }
  return out;
}

}  // namespace

const std::array<std::string_view, 3> kBartExtras = {"embed_tokens.weight",
                                                     "embed_positions.weight", "lm_head.weight"};

std::vector<WeightName> bart_weights(const BartParts& parts) {
  std::vector<WeightName> all;
  const auto add = [&](std::span<const WeightName> some) {
    all.insert(all.end(), some.begin(), some.end());
  };
  add(parts.separate_tables ? std::span<const WeightName>(kTwoTables) : kOneTable);
  if (parts.learned_positions) add(kPositions);
  if (parts.embedding_norms) add(kEmbeddingNorms);
  add(kLayers);
  if (parts.final_norms) add(kFinalNorms);
  add(kHead);
  if (parts.head_bias) add(kHeadBias);
  return all;
}

DecoderConfig bart_like_from_hf(const HfConfig& config, Activation by_default) {
  DecoderConfig out = stack_from_hf(config, "decoder", by_default);
  DecoderConfig encoder = stack_from_hf(config, "encoder", by_default);
  encoder.bidirectional = true;
  out.encoder = std::make_shared<const DecoderConfig>(std::move(encoder));
  return out;
}

Json bart_like_to_hf(const DecoderConfig& config, std::string_view model_type,
                     std::string_view hf_class) {
  return {{"architectures", {hf_class}},
          {"model_type", model_type},
          {"is_encoder_decoder", true},
          {"d_model", config.width},
          {"encoder_layers", config.encoder->layers},
          {"encoder_attention_heads", config.encoder->heads},
          {"encoder_ffn_dim", config.encoder->feed_forward},
          {"decoder_layers", config.layers},
          {"decoder_attention_heads", config.heads},
          {"decoder_ffn_dim", config.feed_forward},
          {"vocab_size", config.encoder->vocabulary},
          {"max_position_embeddings", config.context},
          {"activation_function", activation_name(config.activation)},
          {"scale_embedding", config.embedding_scale != 1},
          {"tie_word_embeddings", config.tied_head}};
}

}  // namespace bantam
