// Phi-3 and Phi-4 mini (arXiv:2404.14219): Llama whose queries, keys and values lie in one tensor,
// as do gate and up; LongRoPE.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "model.embed_tokens.weight", "token_embd.weight"},
    {"layers.#.attn_norm.weight", "model.layers.#.input_layernorm.weight",
     "blk.#.attn_norm.weight"},
    {"layers.#.attn.q.weight", "model.layers.#.self_attn.qkv_proj.weight", "blk.#.attn_qkv.weight",
     FileRows::query},
    {"layers.#.attn.k.weight", "model.layers.#.self_attn.qkv_proj.weight", "blk.#.attn_qkv.weight",
     FileRows::key},
    {"layers.#.attn.v.weight", "model.layers.#.self_attn.qkv_proj.weight", "blk.#.attn_qkv.weight",
     FileRows::value},
    {"layers.#.attn.o.weight", "model.layers.#.self_attn.o_proj.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.mlp_norm.weight", "model.layers.#.post_attention_layernorm.weight",
     "blk.#.ffn_norm.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_up_proj.weight", "blk.#.ffn_up.weight",
     FileRows::gate},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.gate_up_proj.weight", "blk.#.ffn_up.weight",
     FileRows::up},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.norm_epsilon = static_cast<float>(config.number("rms_norm_eps").value_or(1e-5));
  out.ropes = {rope_from_hf(config, turning_width_from_hf(config, out.head_width), out.context)};
  const auto window = config.integer("sliding_window");
  if (window) windows_from_hf(out, config, *window, [](int) { return true; });
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "phi3");
  const std::int64_t turning = file.integer("phi3.rope.dimension_count").value_or(out.head_width);
  out.ropes = {rope_from_gguf(file, "phi3", turning, out.context)};
  if (const auto window = file.integer("phi3.attention.sliding_window"); window && *window > 0) {
    set_windows(out, *window);
  }
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "phi3", "Phi3ForCausalLM");
  const RopePart& rope = config.ropes[0];
  rope_to_hf(rope, out);
  out["partial_rotary_factor"] =
      2.0 * static_cast<double>(rope.frequencies.size()) / static_cast<double>(config.head_width);
  if (rope.switch_length > 0) out["original_max_position_embeddings"] = rope.switch_length;
  const std::int64_t window = config.layer(0).window;
  out["sliding_window"] = window > 0 ? Json(window) : Json(nullptr);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "phi3");
  rope_to_gguf(config.ropes[0], writer, "phi3");
  if (const std::int64_t window = config.layer(0).window; window > 0) {
    writer.set("phi3.attention.sliding_window", static_cast<std::uint32_t>(window));
  }
}

}  // namespace

const Architecture& phi3_architecture() {
  static const Architecture family{
      .name = "phi3",
      .hf_model_type = "phi3",
      .hf_class = "Phi3ForCausalLM",
      .gguf_name = "phi3",
      .weights = kWeights,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
