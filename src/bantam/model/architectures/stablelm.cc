// StableLM: Llama with layer normalization and positions that turn a quarter of each head; in some
// models both branches read the same x, and each head of queries and keys has a norm of its own.
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
    {"layers.#.attn.q_norm.weight", "model.layers.#.self_attn.q_layernorm.norms.@.weight",
     "blk.#.attn_q_norm.weight", FileRows::all, true},
    {"layers.#.attn.k_norm.weight", "model.layers.#.self_attn.k_layernorm.norms.@.weight",
     "blk.#.attn_k_norm.weight", FileRows::all, true},
    {"layers.#.mlp_norm.weight", "model.layers.#.post_attention_layernorm.weight",
     "blk.#.ffn_norm.weight", FileRows::all, true},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

constexpr HfBiasKey kBiasKeys[] = {{"use_qkv_bias", "layers.#.attn.q"}};

constexpr double kTurningShare = 0.25;

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.norm = NormKind::layer;
  out.norm_epsilon = static_cast<float>(config.number("layer_norm_eps").value_or(1e-5));
  out.norms_each_head = config.boolean("qk_layernorm").value_or(false);
  out.parallel_branches = config.boolean("use_parallel_residual").value_or(false);
  const std::int64_t turning = turning_width_from_hf(config, out.head_width, kTurningShare);
  out.ropes = {rope_from_hf(config, turning, out.context)};
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "stablelm");
  out.parallel_branches = file.boolean("stablelm.use_parallel_residual").value_or(false);
  out.norms_each_head = file.has("blk.0.attn_q_norm.weight");
  const std::int64_t turning = file.require_integer("stablelm.rope.dimension_count");
  out.ropes = {rope_from_gguf(file, "stablelm", turning, out.context)};
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "stablelm", "StableLmForCausalLM");
  rope_to_hf(config.ropes[0], out);
  out["partial_rotary_factor"] = 2.0 * static_cast<double>(config.ropes[0].frequencies.size()) /
                                 static_cast<double>(config.head_width);
  out["use_parallel_residual"] = config.parallel_branches;
  out["qk_layernorm"] = config.norms_each_head;
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "stablelm");
  rope_to_gguf(config.ropes[0], writer, "stablelm");
  writer.set("stablelm.use_parallel_residual", config.parallel_branches);
}

}  // namespace

const Architecture& stablelm_architecture() {
  static const Architecture family{
      .name = "stablelm",
      .hf_model_type = "stablelm",
      .hf_class = "StableLmForCausalLM",
      .gguf_name = "stablelm",
      .weights = kWeights,
      .hf_bias_keys = kBiasKeys,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
