// Mixtral: Mistral with a mixture of experts in each layer (arXiv:2401.04088). The weights of the
// experts used sum to 1.
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
    {"layers.#.mlp.router.weight", "model.layers.#.block_sparse_moe.gate.weight",
     "blk.#.ffn_gate_inp.weight"},
    {"layers.#.mlp.experts.@.gate.weight", "model.layers.#.block_sparse_moe.experts.@.w1.weight",
     "blk.#.ffn_gate_exps.weight"},
    {"layers.#.mlp.experts.@.up.weight", "model.layers.#.block_sparse_moe.experts.@.w3.weight",
     "blk.#.ffn_up_exps.weight"},
    {"layers.#.mlp.experts.@.down.weight", "model.layers.#.block_sparse_moe.experts.@.w2.weight",
     "blk.#.ffn_down_exps.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = mistral_architecture().config_from_hf(config);
  out.experts = {.count = config.require_integer("num_local_experts"),
                 .used = config.require_integer("num_experts_per_tok"),
                 .width = out.feed_forward,
                 .normalize = true};
  set_expert_layers(out);
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = llama_architecture().config_from_gguf(file);
  out.experts = experts_from_gguf(file, "llama");
  out.experts.normalize = true;
  set_expert_layers(out);
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = mistral_architecture().config_to_hf(config);
  out["model_type"] = "mixtral";
  out["architectures"] = {"MixtralForCausalLM"};
  out["num_local_experts"] = config.experts.count;
  out["num_experts_per_tok"] = config.experts.used;
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  mistral_architecture().config_to_gguf(config, writer);
  experts_to_gguf(config, writer, "llama");
}

}  // namespace

const Architecture& mixtral_architecture() {
  static const Architecture family{
      .name = "mixtral",
      .hf_model_type = "mixtral",
      .hf_class = "MixtralForCausalLM",
      .gguf_name = "llama",
      .gguf_mark = "blk.0.ffn_gate_inp.weight",
      .weights = kWeights,
      .gguf_interleaves_rotation = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
