// Qwen3: Llama with a norm of each query and key head (arXiv:2505.09388).
#include <algorithm>

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
    {"layers.#.attn.q_norm.weight", "model.layers.#.self_attn.q_norm.weight",
     "blk.#.attn_q_norm.weight"},
    {"layers.#.attn.k_norm.weight", "model.layers.#.self_attn.k_norm.weight",
     "blk.#.attn_k_norm.weight"},
    {"layers.#.mlp_norm.weight", "model.layers.#.post_attention_layernorm.weight",
     "blk.#.ffn_norm.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  const auto window = config.integer("sliding_window");
  if (window && config.boolean("use_sliding_window").value_or(false)) {
    windows_from_hf(out, config, *window, [](int) { return true; });
    // Older files say from which layer on instead of listing them.
    const auto first = config.integer("max_window_layers");
    if (first && !config.has("layer_types")) {
      for (int layer = 0; layer < out.layers && layer < *first; ++layer) {
        out.layer_parts[static_cast<std::size_t>(layer)].window = 0;
      }
    }
  }
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "qwen3");
  out.ropes = {rope_from_gguf(file, "qwen3", out.head_width, out.context)};
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "qwen3", "Qwen3ForCausalLM");
  rope_to_hf(config.ropes[0], out);
  std::int64_t window = 0;
  for (const LayerPart& part : config.layer_parts) window = std::max(window, part.window);
  out["use_sliding_window"] = window > 0;
  out["sliding_window"] = window > 0 ? Json(window) : Json(nullptr);
  if (window > 0) out["layer_types"] = layer_types_of(config);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  if (std::ranges::any_of(config.layer_parts,
                          [](const LayerPart& part) { return part.window > 0; })) {
    throw input_error(
        "GGUF's qwen3 sees everything in every layer, this model a window in some; export a "
        "Hugging "
        "Face folder instead");
  }
  common_to_gguf(config, writer, "qwen3");
  rope_to_gguf(config.ropes[0], writer, "qwen3");
}

}  // namespace

const Architecture& qwen3_architecture() {
  static const Architecture family{
      .name = "qwen3",
      .hf_model_type = "qwen3",
      .hf_class = "Qwen3ForCausalLM",
      .gguf_name = "qwen3",
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
