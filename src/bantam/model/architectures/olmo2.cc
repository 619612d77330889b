// OLMo 2 (arXiv:2501.00656): norms behind the branches and not before, and of all query and key
// heads at once.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "model.embed_tokens.weight", "token_embd.weight"},
    {"layers.#.attn.q.weight", "model.layers.#.self_attn.q_proj.weight", "blk.#.attn_q.weight"},
    {"layers.#.attn.k.weight", "model.layers.#.self_attn.k_proj.weight", "blk.#.attn_k.weight"},
    {"layers.#.attn.v.weight", "model.layers.#.self_attn.v_proj.weight", "blk.#.attn_v.weight"},
    {"layers.#.attn.o.weight", "model.layers.#.self_attn.o_proj.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.attn.q_norm.weight", "model.layers.#.self_attn.q_norm.weight",
     "blk.#.attn_q_norm.weight"},
    {"layers.#.attn.k_norm.weight", "model.layers.#.self_attn.k_norm.weight",
     "blk.#.attn_k_norm.weight"},
    {"layers.#.attn_post_norm.weight", "model.layers.#.post_attention_layernorm.weight",
     "blk.#.post_attention_norm.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"layers.#.mlp_post_norm.weight", "model.layers.#.post_feedforward_layernorm.weight",
     "blk.#.post_ffw_norm.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.norm_epsilon = static_cast<float>(config.number("rms_norm_eps").value_or(1e-5));
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "olmo2");
  out.ropes = {rope_from_gguf(file, "olmo2", out.head_width, out.context)};
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "olmo2", "Olmo2ForCausalLM");
  rope_to_hf(config.ropes[0], out);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "olmo2");
  rope_to_gguf(config.ropes[0], writer, "olmo2");
}

}  // namespace

const Architecture& olmo2_architecture() {
  static const Architecture family{
      .name = "olmo2",
      .hf_model_type = "olmo2",
      .hf_class = "Olmo2ForCausalLM",
      .gguf_name = "olmo2",
      .weights = kWeights,
      .hf_bias_keys = std::span(kLlamaBiasKeys).first(1),
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
