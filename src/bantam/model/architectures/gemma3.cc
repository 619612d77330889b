// Gemma 3, text (arXiv:2503.19786): Gemma 2 without caps, with norms of query and key heads; five
// layers of a window and a base of their own for each that sees everything.
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
    {"layers.#.attn.q_norm.weight", "model.layers.#.self_attn.q_norm.weight",
     "blk.#.attn_q_norm.weight"},
    {"layers.#.attn.k_norm.weight", "model.layers.#.self_attn.k_norm.weight",
     "blk.#.attn_k_norm.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

constexpr int kGlobal = 0, kLocal = 1;  // places in ropes
constexpr int kPattern = 6;
constexpr double kLocalTheta = 10000, kGlobalTheta = 1e6;

bool slides(int layer) { return (layer + 1) % kPattern != 0; }

void set_local_ropes(DecoderConfig& config) {
  for (LayerPart& part : config.layer_parts) part.rope = part.window > 0 ? kLocal : kGlobal;
}

RopePart rope_of(const HfConfig& config, const char* type, const DecoderConfig& out, double theta) {
  const auto all = config.object("rope_parameters");
  const auto own = all ? all->object(type) : std::nullopt;
  if (!own)
    return rope_from_parameters(nullptr, config.where(), theta, out.head_width, out.context);
  return rope_from_parameters(&*own, own->where(), own->number("rope_theta").value_or(theta),
                              out.head_width, out.context);
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.tied_head = config.boolean("tie_word_embeddings").value_or(true);
  out.activation = activation_from_hf(config, "hidden_activation", "gelu_pytorch_tanh");
  out.embedding_scale = std::sqrt(static_cast<double>(out.width));
  out.attention_scale = 1 / std::sqrt(config.number("query_pre_attn_scalar").value_or(256));
  out.attention_softcap = static_cast<float>(config.number("attn_logit_softcapping").value_or(0));
  out.logit_softcap = static_cast<float>(config.number("final_logit_softcapping").value_or(0));
  if (config.object("rope_parameters")) {
    out.ropes = {rope_of(config, "full_attention", out, kGlobalTheta),
                 rope_of(config, "sliding_attention", out, kLocalTheta)};
  } else {
    out.ropes = {rope_from_hf(config, out.head_width, out.context, kGlobalTheta),
                 rope_from_parameters(nullptr, config.where(),
                                      config.number("rope_local_base_freq").value_or(kLocalTheta),
                                      out.head_width, out.context)};
  }
  windows_from_hf(out, config, config.integer("sliding_window").value_or(4096), slides);
  set_local_ropes(out);
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "gemma3");
  out.activation = Activation::gelu_tanh;
  out.embedding_scale = std::sqrt(static_cast<double>(out.width));
  // Only the largest Gemma 3, of 62 layers, divides by another width; llama.cpp goes by that, too.
  const double usual =
      1 / std::sqrt(static_cast<double>(out.layers == 62 ? out.width / out.heads : out.head_width));
  out.attention_scale = file.number("gemma3.attention.scale").value_or(usual);
  out.ropes = {rope_from_gguf(file, "gemma3", out.head_width, out.context),
               rope_from_parameters(nullptr, file.description(),
                                    file.number("gemma3.rope.freq_base_swa").value_or(kLocalTheta),
                                    out.head_width, out.context)};
  out.layer_parts.resize(static_cast<std::size_t>(out.layers));
  for (int layer = 0; layer < out.layers; ++layer) {
    if (!slides(layer)) continue;
    out.layer_parts[static_cast<std::size_t>(layer)].window =
        file.integer("gemma3.attention.sliding_window").value_or(1024);
  }
  set_local_ropes(out);
  return out;
}

std::int64_t window_of(const DecoderConfig& config) {
  for (const LayerPart& part : config.layer_parts) {
    if (part.window > 0) return part.window;
  }
  return config.context;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "gemma3_text", "Gemma3ForCausalLM");
  rope_to_hf(config.ropes[kGlobal], out);
  out["rope_local_base_freq"] = config.ropes[kLocal].theta;
  out.erase("hidden_act");
  out["hidden_activation"] = activation_name(config.activation);
  // An integer in config.json.
  out["query_pre_attn_scalar"] =
      std::llround(1 / (config.attention_scale * config.attention_scale));
  out["sliding_window"] = window_of(config);
  out["layer_types"] = layer_types_of(config);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  for (int layer = 0; layer < config.layers; ++layer) {
    if ((config.layer(layer).window > 0) != slides(layer)) {
      throw input_error(
          "GGUF's gemma3 sees everything in every sixth layer, which is not so in this model; "
          "export "
          "a Hugging Face folder instead");
    }
  }
  common_to_gguf(config, writer, "gemma3");
  rope_to_gguf(config.ropes[kGlobal], writer, "gemma3");
  writer.set("gemma3.rope.freq_base_swa", static_cast<float>(config.ropes[kLocal].theta));
  writer.set("gemma3.attention.scale", static_cast<float>(config.attention_scale));
  writer.set("gemma3.attention.sliding_window", static_cast<std::uint32_t>(window_of(config)));
}

}  // namespace

const Architecture& gemma3_architecture() {
  static const Architecture family{
      .name = "gemma3",
      .hf_model_type = "gemma3_text",
      .hf_class = "Gemma3ForCausalLM",
      .gguf_name = "gemma3",
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
