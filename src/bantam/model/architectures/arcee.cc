// Arcee: Llama with one linear, the square of ReLU (arXiv:2109.08668) and another linear as
// feed-forward.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
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
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.activation = activation_from_hf(config, "hidden_act", "relu2");
  out.gated = false;
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "arcee");
  out.activation = Activation::relu_squared;
  out.gated = false;
  out.ropes = {rope_from_gguf(file, "arcee", out.head_width, out.context)};
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "arcee", "ArceeForCausalLM");
  rope_to_hf(config.ropes[0], out);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "arcee");
  rope_to_gguf(config.ropes[0], writer, "arcee");
}

}  // namespace

const Architecture& arcee_architecture() {
  static const Architecture family{
      .name = "arcee",
      .hf_model_type = "arcee",
      .hf_class = "ArceeForCausalLM",
      .gguf_name = "arcee",
      .weights = kWeights,
      .hf_bias_keys = kLlamaBiasKeys,
      .gguf_interleaves_rotation = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
