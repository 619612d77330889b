// DeepSeek-V2 (arXiv:2405.04434): latent attention whose turning features are neighboring pairs, a
// mixture of experts behind the first layers with some that every token goes to.
#include <algorithm>
#include <cmath>

#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "model.embed_tokens.weight", "token_embd.weight"},
    {"layers.#.attn_norm.weight", "model.layers.#.input_layernorm.weight",
     "blk.#.attn_norm.weight"},
    {"layers.#.attn.q.weight", "model.layers.#.self_attn.q_proj.weight", "blk.#.attn_q.weight",
     FileRows::all, true},
    {"layers.#.attn.q_down.weight", "model.layers.#.self_attn.q_a_proj.weight",
     "blk.#.attn_q_a.weight", FileRows::all, true},
    {"layers.#.attn.q_down_norm.weight", "model.layers.#.self_attn.q_a_layernorm.weight",
     "blk.#.attn_q_a_norm.weight", FileRows::all, true},
    {"layers.#.attn.q_up.weight", "model.layers.#.self_attn.q_b_proj.weight",
     "blk.#.attn_q_b.weight", FileRows::all, true},
    {"layers.#.attn.kv_down.weight", "model.layers.#.self_attn.kv_a_proj_with_mqa.weight",
     "blk.#.attn_kv_a_mqa.weight"},
    {"layers.#.attn.kv_down_norm.weight", "model.layers.#.self_attn.kv_a_layernorm.weight",
     "blk.#.attn_kv_a_norm.weight"},
    {"layers.#.attn.kv_up.weight", "model.layers.#.self_attn.kv_b_proj.weight",
     "blk.#.attn_kv_b.weight"},
    {"layers.#.attn.o.weight", "model.layers.#.self_attn.o_proj.weight",
     "blk.#.attn_output.weight"},
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
    {"layers.#.mlp.shared.gate.weight", "model.layers.#.mlp.shared_experts.gate_proj.weight",
     "blk.#.ffn_gate_shexp.weight"},
    {"layers.#.mlp.shared.up.weight", "model.layers.#.mlp.shared_experts.up_proj.weight",
     "blk.#.ffn_up_shexp.weight"},
    {"layers.#.mlp.shared.down.weight", "model.layers.#.mlp.shared_experts.down_proj.weight",
     "blk.#.ffn_down_shexp.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
};

// Keys and values of all heads come from one vector, so there are as many of them as of queries.
void set_heads(DecoderConfig& config) {
  config.kv_heads = config.heads;
  config.head_width = config.latent.plain_width + config.latent.turning_width;
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.latent = {.query_rank = config.integer("q_lora_rank").value_or(0),
                .kv_rank = config.require_integer("kv_lora_rank"),
                .plain_width = config.require_integer("qk_nope_head_dim"),
                .turning_width = config.require_integer("qk_rope_head_dim"),
                .value_width = config.require_integer("v_head_dim")};
  set_heads(out);
  RopePart rope = rope_from_hf(config, out.latent.turning_width, out.context);
  rope.interleaved = true;
  // YaRN's factor for all features goes into the scale of scores, squared (both sides of the
  // product).
  const auto scaling =
      config.object(config.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
  const double all = scaling ? scaling->number("mscale_all_dim").value_or(0) : 0;
  if (!rope.scaling_json.empty() && all != 0) {
    const double factor = scaling->require_number("factor");
    const double magnitude = factor <= 1 ? 1 : 0.1 * all * std::log(factor) + 1;
    out.attention_scale = magnitude * magnitude / std::sqrt(static_cast<double>(out.head_width));
  }
  out.ropes = {rope};
  const std::int64_t shared = config.integer("n_shared_experts").value_or(0);
  out.experts = {.count = config.integer("n_routed_experts").value_or(0),
                 .used = config.integer("num_experts_per_tok").value_or(0),
                 .width = config.integer("moe_intermediate_size").value_or(0),
                 .scale = config.number("routed_scaling_factor").value_or(1)};
  if (out.experts.count == 0) return out;
  out.experts.shared_width = shared * out.experts.width;
  if (config.string("topk_method").value_or("greedy") == "group_limited_greedy") {
    out.experts.groups = config.require_integer("n_group");
    out.experts.groups_used = config.require_integer("topk_group");
  }
  set_expert_layers(out, static_cast<int>(std::clamp<std::int64_t>(
                             config.integer("first_k_dense_replace").value_or(0), 0, out.layers)));
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "deepseek2");
  const std::int64_t turning = file.require_integer("deepseek2.rope.dimension_count");
  const std::int64_t head = file.require_integer("deepseek2.attention.key_length");
  out.latent = {.query_rank = file.integer("deepseek2.attention.q_lora_rank").value_or(0),
                .kv_rank = file.require_integer("deepseek2.attention.kv_lora_rank"),
                .plain_width = head - turning,
                .turning_width = turning,
                .value_width = file.require_integer("deepseek2.attention.value_length")};
  set_heads(out);
  RopePart rope = rope_from_gguf(file, "deepseek2", turning, out.context);
  rope.interleaved = true;
  if (const auto multiplier = file.number("deepseek2.rope.scaling.yarn_log_multiplier");
      multiplier && !rope.scaling_json.empty()) {
    const double factor = file.require_number("deepseek2.rope.scaling.factor");
    const double magnitude = factor <= 1 ? 1 : *multiplier * std::log(factor) + 1;
    out.attention_scale = magnitude * magnitude / std::sqrt(static_cast<double>(out.head_width));
    rope.magnitude = 1;
    Json scaling = parse_json(rope.scaling_json);
    scaling["mscale"] = scaling["mscale_all_dim"] = *multiplier * 10;
    rope.scaling_json = dump_json(scaling);
  }
  out.ropes = {rope};
  out.experts = experts_from_gguf(file, "deepseek2");
  if (out.experts.count == 0) return out;
  out.experts.scale = file.number("deepseek2.expert_weights_scale").value_or(1);
  out.experts.normalize = file.boolean("deepseek2.expert_weights_norm").value_or(false);
  out.experts.shared_width =
      file.integer("deepseek2.expert_shared_count").value_or(0) * out.experts.width;
  set_expert_layers(
      out, static_cast<int>(std::clamp<std::int64_t>(
               file.integer("deepseek2.leading_dense_block_count").value_or(0), 0, out.layers)));
  return out;
}

std::int64_t dense_layers(const DecoderConfig& config) {
  std::int64_t count = 0;
  for (int layer = 0; layer < config.layers && !config.layer(layer).experts; ++layer) ++count;
  return count;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "deepseek_v2", "DeepseekV2ForCausalLM");
  rope_to_hf(config.ropes[0], out);
  const LatentPart& latent = config.latent;
  const ExpertsPart& experts = config.experts;
  out["head_dim"] = latent.turning_width;
  out["q_lora_rank"] = latent.query_rank > 0 ? Json(latent.query_rank) : Json(nullptr);
  out["kv_lora_rank"] = latent.kv_rank;
  out["qk_nope_head_dim"] = latent.plain_width;
  out["qk_rope_head_dim"] = latent.turning_width;
  out["v_head_dim"] = latent.value_width;
  out["attention_bias"] = false;
  out["first_k_dense_replace"] = dense_layers(config);
  if (experts.count == 0) return out;
  out["n_routed_experts"] = experts.count;
  out["num_experts_per_tok"] = experts.used;
  out["moe_intermediate_size"] = experts.width;
  out["n_shared_experts"] = experts.shared_width / experts.width;
  out["routed_scaling_factor"] = experts.scale;
  out["norm_topk_prob"] = experts.normalize;
  out["topk_method"] = experts.groups > 1 ? "group_limited_greedy" : "greedy";
  out["n_group"] = experts.groups;
  out["topk_group"] = experts.groups_used;
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  if (config.experts.groups > 1) {
    throw input_error(
        "GGUF's deepseek2 chooses among all experts, this model among the best {} of {} groups; "
        "export a Hugging Face folder instead",
        config.experts.groups_used, config.experts.groups);
  }
  common_to_gguf(config, writer, "deepseek2");
  rope_to_gguf(config.ropes[0], writer, "deepseek2");
  const auto set = [&](const char* key, std::int64_t value) {
    writer.set(key, static_cast<std::uint32_t>(value));
  };
  if (config.latent.query_rank > 0) {
    set("deepseek2.attention.q_lora_rank", config.latent.query_rank);
  }
  set("deepseek2.attention.kv_lora_rank", config.latent.kv_rank);
  set("deepseek2.attention.value_length", config.latent.value_width);
  set("deepseek2.leading_dense_block_count", dense_layers(config));
  if (!config.ropes[0].scaling_json.empty()) {
    const Json scaling = parse_json(config.ropes[0].scaling_json);
    if (scaling.contains("mscale_all_dim")) {
      writer.set("deepseek2.rope.scaling.yarn_log_multiplier",
                 0.1f * scaling["mscale_all_dim"].get<float>());
    }
  }
  if (config.experts.count == 0) return;
  experts_to_gguf(config, writer, "deepseek2");
  set("deepseek2.expert_shared_count", config.experts.shared_width / config.experts.width);
  writer.set("deepseek2.expert_weights_scale", static_cast<float>(config.experts.scale));
  writer.set("deepseek2.expert_weights_norm", config.experts.normalize);
}

}  // namespace

const Architecture& deepseek_v2_architecture() {
  static const Architecture family{
      .name = "deepseek-v2",
      .hf_model_type = "deepseek_v2",
      .hf_class = "DeepseekV2ForCausalLM",
      .gguf_name = "deepseek2",
      .weights = kWeights,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
