// GPT-2: layer normalization before each branch, learned positions, GELU, biases everywhere. HF
// files hold its linears transposed.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "transformer.wte.weight", "token_embd.weight"},
    {"positions.weight", "transformer.wpe.weight", "position_embd.weight"},
    {"layers.#.attn_norm.weight", "transformer.h.#.ln_1.weight", "blk.#.attn_norm.weight"},
    {"layers.#.attn.q.weight", "transformer.h.#.attn.c_attn.weight", "blk.#.attn_qkv.weight",
     FileRows::query},
    {"layers.#.attn.k.weight", "transformer.h.#.attn.c_attn.weight", "blk.#.attn_qkv.weight",
     FileRows::key},
    {"layers.#.attn.v.weight", "transformer.h.#.attn.c_attn.weight", "blk.#.attn_qkv.weight",
     FileRows::value},
    {"layers.#.attn.o.weight", "transformer.h.#.attn.c_proj.weight", "blk.#.attn_output.weight"},
    {"layers.#.mlp_norm.weight", "transformer.h.#.ln_2.weight", "blk.#.ffn_norm.weight"},
    {"layers.#.mlp.up.weight", "transformer.h.#.mlp.c_fc.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "transformer.h.#.mlp.c_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "transformer.ln_f.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

void refuse(const HfConfig& config, const char* key, bool usual) {
  if (config.boolean(key).value_or(usual) != usual) {
    throw input_error("{}: {} is {}, which Bantam does not know", config.where(), key, !usual);
  }
}

DecoderConfig from_hf(const HfConfig& config) {
  refuse(config, "scale_attn_weights", true);
  refuse(config, "scale_attn_by_inverse_layer_idx", false);
  refuse(config, "add_cross_attention", false);
  const Json usual = {
      {"num_hidden_layers", config.require_integer("n_layer")},
      {"hidden_size", config.require_integer("n_embd")},
      {"num_attention_heads", config.require_integer("n_head")},
      {"intermediate_size",
       config.integer("n_inner").value_or(4 * config.require_integer("n_embd"))},
      {"vocab_size", config.require_integer("vocab_size")},
      {"max_position_embeddings", config.integer("n_positions").value_or(1024)},
      {"hidden_act", config.string("activation_function").value_or("gelu_new")},
      {"tie_word_embeddings", config.boolean("tie_word_embeddings").value_or(true)}};
  DecoderConfig out = common_from_hf(HfConfig(usual, config.where()));
  out.norm = NormKind::layer;
  out.norm_epsilon = static_cast<float>(config.number("layer_norm_epsilon").value_or(1e-5));
  out.gated = false;
  out.learned_positions = out.context;
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "gpt2");
  out.activation = Activation::gelu_tanh;
  out.gated = false;
  out.learned_positions = out.context;
  return out;
}

Json to_hf(const DecoderConfig& config) {
  return {{"architectures", {"GPT2LMHeadModel"}},
          {"model_type", "gpt2"},
          {"n_embd", config.width},
          {"n_layer", config.layers},
          {"n_head", config.heads},
          {"n_inner", config.feed_forward},
          {"n_positions", config.context},
          {"n_ctx", config.context},
          {"vocab_size", config.vocabulary},
          {"layer_norm_epsilon", config.norm_epsilon},
          {"activation_function", config.activation == Activation::gelu_tanh
                                      ? std::string_view("gelu_new")
                                      : activation_name(config.activation)},
          {"tie_word_embeddings", config.tied_head}};
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "gpt2");
}

}  // namespace

const Architecture& gpt2_architecture() {
  static const Architecture family{
      .name = "gpt2",
      .hf_model_type = "gpt2",
      .hf_class = "GPT2LMHeadModel",
      .gguf_name = "gpt2",
      .weights = kWeights,
      .hf_prefix = "transformer.",
      .hf_transposes_linears = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
