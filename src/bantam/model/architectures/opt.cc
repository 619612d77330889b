// OPT (arXiv:2205.01068): learned positions that begin at row 2, ReLU, layer normalization before
// each branch; the model of 350 million parameters has it after each sum, and a narrower embedding.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "model.decoder.embed_tokens.weight"},
    {"positions.weight", "model.decoder.embed_positions.weight"},
    {"embed_in.weight", "model.decoder.project_in.weight", "", FileRows::all, true},
    {"embed_out.weight", "model.decoder.project_out.weight", "", FileRows::all, true},
    {"layers.#.attn_norm.weight", "model.decoder.layers.#.self_attn_layer_norm.weight"},
    {"layers.#.attn.q.weight", "model.decoder.layers.#.self_attn.q_proj.weight"},
    {"layers.#.attn.k.weight", "model.decoder.layers.#.self_attn.k_proj.weight"},
    {"layers.#.attn.v.weight", "model.decoder.layers.#.self_attn.v_proj.weight"},
    {"layers.#.attn.o.weight", "model.decoder.layers.#.self_attn.out_proj.weight"},
    {"layers.#.mlp_norm.weight", "model.decoder.layers.#.final_layer_norm.weight"},
    {"layers.#.mlp.up.weight", "model.decoder.layers.#.fc1.weight"},
    {"layers.#.mlp.down.weight", "model.decoder.layers.#.fc2.weight"},
    {"norm.weight", "model.decoder.final_layer_norm.weight", "", FileRows::all, true},
    {"head.weight", "lm_head.weight"},
};

constexpr std::int64_t kFirstPosition = 2;

DecoderConfig from_hf(const HfConfig& config) {
  const Json usual = {
      {"num_hidden_layers", config.require_integer("num_hidden_layers")},
      {"hidden_size", config.require_integer("hidden_size")},
      {"num_attention_heads", config.require_integer("num_attention_heads")},
      {"intermediate_size", config.require_integer("ffn_dim")},
      {"vocab_size", config.require_integer("vocab_size")},
      {"max_position_embeddings", config.integer("max_position_embeddings").value_or(2048)},
      {"hidden_act", config.string("activation_function").value_or("relu")},
      {"tie_word_embeddings", config.boolean("tie_word_embeddings").value_or(true)}};
  DecoderConfig out = common_from_hf(HfConfig(usual, config.where()));
  out.norm = NormKind::layer;
  out.norm_epsilon = 1e-5f;
  out.gated = false;
  out.learned_positions = out.context + kFirstPosition;
  out.learned_position_shift = kFirstPosition;
  const bool before = config.boolean("do_layer_norm_before").value_or(true);
  out.norm_placement = before ? NormPlacement::before : NormPlacement::after_sums;
  const std::int64_t table = config.integer("word_embed_proj_dim").value_or(out.width);
  if (table != out.width) out.embedding_width = table;
  return out;
}

Json to_hf(const DecoderConfig& config) {
  return {
      {"architectures", {"OPTForCausalLM"}},
      {"model_type", "opt"},
      {"hidden_size", config.width},
      {"num_hidden_layers", config.layers},
      {"num_attention_heads", config.heads},
      {"ffn_dim", config.feed_forward},
      {"vocab_size", config.vocabulary},
      {"max_position_embeddings", config.context},
      {"activation_function", activation_name(config.activation)},
      {"do_layer_norm_before", config.norm_placement == NormPlacement::before},
      {"word_embed_proj_dim", config.embedding_width > 0 ? config.embedding_width : config.width},
      {"tie_word_embeddings", config.tied_head}};
}

}  // namespace

const Architecture& opt_architecture() {
  static const Architecture family{
      .name = "opt",
      .hf_model_type = "opt",
      .hf_class = "OPTForCausalLM",
      .weights = kWeights,
      .config_from_hf = from_hf,
      .config_to_hf = to_hf,
  };
  return family;
}

}  // namespace bantam
