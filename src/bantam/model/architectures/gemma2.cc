// Gemma 2 (arXiv:2408.00118): norms before and behind each branch, GELU in the gate, capped scores
// and logits, every other layer looks at a window.
#include <cmath>

#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "model.embed_tokens.weight", "token_embd.weight"},
    {"layers.#.attn_norm.weight", "model.layers.#.input_layernorm.weight",
     "blk.#.attn_norm.weight"},
    {"layers.#.attn_post_norm.weight", "model.layers.#.post_attention_layernorm.weight",
     "blk.#.post_attention_norm.weight"},
    {"layers.#.mlp_norm.weight", "model.layers.#.pre_feedforward_layernorm.weight",
     "blk.#.ffn_norm.weight"},
    {"layers.#.mlp_post_norm.weight", "model.layers.#.post_feedforward_layernorm.weight",
     "blk.#.post_ffw_norm.weight"},
    {"layers.#.attn.q.weight", "model.layers.#.self_attn.q_proj.weight", "blk.#.attn_q.weight"},
    {"layers.#.attn.k.weight", "model.layers.#.self_attn.k_proj.weight", "blk.#.attn_k.weight"},
    {"layers.#.attn.v.weight", "model.layers.#.self_attn.v_proj.weight", "blk.#.attn_v.weight"},
    {"layers.#.attn.o.weight", "model.layers.#.self_attn.o_proj.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

bool slides(int layer) { return layer % 2 == 0; }

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.tied_head = config.boolean("tie_word_embeddings").value_or(true);
  out.activation = activation_from_hf(config, "hidden_activation", "gelu_pytorch_tanh");
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  out.embedding_scale = std::sqrt(static_cast<double>(out.width));
  out.attention_scale = 1 / std::sqrt(config.number("query_pre_attn_scalar").value_or(256));
  out.attention_softcap = static_cast<float>(config.number("attn_logit_softcapping").value_or(0));
  out.logit_softcap = static_cast<float>(config.number("final_logit_softcapping").value_or(0));
  windows_from_hf(out, config, config.integer("sliding_window").value_or(4096), slides);
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "gemma2");
  out.activation = Activation::gelu_tanh;
  out.ropes = {rope_from_gguf(file, "gemma2", out.head_width, out.context)};
  out.embedding_scale = std::sqrt(static_cast<double>(out.width));
  // Only the largest Gemma 2, of 46 layers, divides by another width; llama.cpp goes by that, too.
  const double usual =
      1 / std::sqrt(static_cast<double>(out.layers == 46 ? out.width / out.heads : out.head_width));
  out.attention_scale = file.number("gemma2.attention.scale").value_or(usual);
  out.attention_softcap =
      static_cast<float>(file.number("gemma2.attn_logit_softcapping").value_or(50));
  out.logit_softcap =
      static_cast<float>(file.number("gemma2.final_logit_softcapping").value_or(30));
  out.layer_parts.resize(static_cast<std::size_t>(out.layers));
  for (int layer = 0; layer < out.layers; layer += 2) {
    out.layer_parts[static_cast<std::size_t>(layer)].window =
        file.integer("gemma2.attention.sliding_window").value_or(4096);
  }
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "gemma2", "Gemma2ForCausalLM");
  rope_to_hf(config.ropes[0], out);
  out.erase("hidden_act");
  out["hidden_activation"] = activation_name(config.activation);
  // An integer in config.json.
  out["query_pre_attn_scalar"] =
      std::llround(1 / (config.attention_scale * config.attention_scale));
  const auto cap = [](float value) { return value > 0 ? Json(value) : Json(nullptr); };
  out["attn_logit_softcapping"] = cap(config.attention_softcap);
  out["final_logit_softcapping"] = cap(config.logit_softcap);
  out["sliding_window"] = config.layer(0).window;
  out["layer_types"] = layer_types_of(config);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "gemma2");
  rope_to_gguf(config.ropes[0], writer, "gemma2");
  writer.set("gemma2.attention.scale", static_cast<float>(config.attention_scale));
  writer.set("gemma2.attn_logit_softcapping", config.attention_softcap);
  writer.set("gemma2.final_logit_softcapping", config.logit_softcap);
  writer.set("gemma2.attention.sliding_window", static_cast<std::uint32_t>(config.layer(0).window));
}

}  // namespace

const Architecture& gemma2_architecture() {
  static const Architecture family{
      .name = "gemma2",
      .hf_model_type = "gemma2",
      .hf_class = "Gemma2ForCausalLM",
      .gguf_name = "gemma2",
      .weights = kWeights,
      .hf_bias_keys = std::span(kLlamaBiasKeys).first(1),
      .hf_norms_from_one = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
