// StarCoder2 (arXiv:2402.19173): rotary positions, layer normalization, one linear, GELU and
// another as feed-forward, biases everywhere.
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
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.c_fc.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.c_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.norm = NormKind::layer;
  out.norm_epsilon = static_cast<float>(config.number("norm_epsilon").value_or(1e-5));
  out.activation = activation_from_hf(config, "hidden_act", "gelu_pytorch_tanh");
  out.gated = false;
  out.tied_head = config.boolean("tie_word_embeddings").value_or(true);
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  const auto window = config.integer("sliding_window");
  if (window) windows_from_hf(out, config, *window, [](int) { return true; });
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "starcoder2");
  out.activation = Activation::gelu_tanh;
  out.gated = false;
  out.ropes = {rope_from_gguf(file, "starcoder2", out.head_width, out.context)};
  if (const auto window = file.integer("starcoder2.attention.sliding_window");
      window && *window > 0) {
    set_windows(out, *window);
  }
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "starcoder2", "Starcoder2ForCausalLM");
  rope_to_hf(config.ropes[0], out);
  out.erase("layer_norm_eps");
  out["norm_epsilon"] = config.norm_epsilon;
  out["use_bias"] = true;
  const std::int64_t window = config.layer(0).window;
  out["sliding_window"] = window > 0 ? Json(window) : Json(nullptr);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "starcoder2");
  rope_to_gguf(config.ropes[0], writer, "starcoder2");
  if (const std::int64_t window = config.layer(0).window; window > 0) {
    writer.set("starcoder2.attention.sliding_window", static_cast<std::uint32_t>(window));
  }
}

}  // namespace

const Architecture& starcoder2_architecture() {
  static const Architecture family{
      .name = "starcoder2",
      .hf_model_type = "starcoder2",
      .hf_class = "Starcoder2ForCausalLM",
      .gguf_name = "starcoder2",
      .weights = kWeights,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
