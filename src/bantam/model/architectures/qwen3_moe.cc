// Qwen3 with a mixture of experts in its layers, in all or in some.
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
    {"layers.#.mlp.router.weight", "model.layers.#.mlp.gate.weight", "blk.#.ffn_gate_inp.weight"},
    {"layers.#.mlp.experts.@.gate.weight", "model.layers.#.mlp.experts.@.gate_proj.weight",
     "blk.#.ffn_gate_exps.weight"},
    {"layers.#.mlp.experts.@.up.weight", "model.layers.#.mlp.experts.@.up_proj.weight",
     "blk.#.ffn_up_exps.weight"},
    {"layers.#.mlp.experts.@.down.weight", "model.layers.#.mlp.experts.@.down_proj.weight",
     "blk.#.ffn_down_exps.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

bool is_listed(const HfConfig& config, std::string_view key, int layer) {
  const auto list = config.json().find(std::string(key));
  return list != config.json().end() && list->is_array() &&
         std::ranges::find(*list, Json(layer)) != list->end();
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = qwen3_architecture().config_from_hf(config);
  const auto experts = config.integer("num_experts");
  out.experts = {.count = experts ? *experts : config.require_integer("num_local_experts"),
                 .used = config.require_integer("num_experts_per_tok"),
                 .width = config.require_integer("moe_intermediate_size"),
                 .normalize = config.boolean("norm_topk_prob").value_or(false)};
  const std::int64_t step = config.integer("decoder_sparse_step").value_or(1);
  if (step < 1) {
    throw input_error("{}: decoder_sparse_step is {}; expected 1 or more", config.where(), step);
  }
  out.layer_parts.resize(static_cast<std::size_t>(out.layers));
  for (int layer = 0; layer < out.layers; ++layer) {
    out.layer_parts[static_cast<std::size_t>(layer)].experts =
        (layer + 1) % step == 0 && !is_listed(config, "mlp_only_layers", layer);
  }
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "qwen3moe");
  out.ropes = {rope_from_gguf(file, "qwen3moe", out.head_width, out.context)};
  out.experts = experts_from_gguf(file, "qwen3moe");
  out.experts.normalize = true;
  set_expert_layers(out);
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = qwen3_architecture().config_to_hf(config);
  out["model_type"] = "qwen3_moe";
  out["architectures"] = {"Qwen3MoeForCausalLM"};
  out["num_experts"] = config.experts.count;
  out["num_experts_per_tok"] = config.experts.used;
  out["moe_intermediate_size"] = config.experts.width;
  out["norm_topk_prob"] = config.experts.normalize;
  out["decoder_sparse_step"] = 1;
  Json dense = Json::array();
  for (int layer = 0; layer < config.layers; ++layer) {
    if (!config.layer(layer).experts) dense.push_back(layer);
  }
  out["mlp_only_layers"] = dense;
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  const bool all = std::ranges::all_of(config.layer_parts, &LayerPart::experts);
  if (!all || !config.experts.normalize) {
    throw input_error(
        "GGUF's qwen3moe has experts in every layer whose weights sum to 1, which is not so in "
        "this "
        "model; export a Hugging Face folder instead");
  }
  common_to_gguf(config, writer, "qwen3moe");
  rope_to_gguf(config.ropes[0], writer, "qwen3moe");
  experts_to_gguf(config, writer, "qwen3moe");
}

}  // namespace

const Architecture& qwen3_moe_architecture() {
  static const Architecture family{
      .name = "qwen3-moe",
      .hf_model_type = "qwen3_moe",
      .hf_class = "Qwen3MoeForCausalLM",
      .gguf_name = "qwen3moe",
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
