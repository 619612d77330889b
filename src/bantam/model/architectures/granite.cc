// Granite: Llama with factors for embeddings, residuals, attention and logits.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  out.embedding_scale = config.number("embedding_multiplier").value_or(1);
  out.residual_scale = config.number("residual_multiplier").value_or(1);
  out.attention_scale = config.number("attention_multiplier").value_or(1);
  out.logit_scale = 1 / config.number("logits_scaling").value_or(1);
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "granite");
  out.ropes = {rope_from_gguf(file, "granite", out.head_width, out.context)};
  out.embedding_scale = file.number("granite.embedding_scale").value_or(1);
  out.residual_scale = file.number("granite.residual_scale").value_or(1);
  out.attention_scale = file.number("granite.attention.scale").value_or(0);
  out.logit_scale = 1 / file.number("granite.logit_scale").value_or(1);
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "granite", "GraniteForCausalLM");
  rope_to_hf(config.ropes[0], out);
  out["embedding_multiplier"] = config.embedding_scale;
  out["residual_multiplier"] = config.residual_scale;
  out["attention_multiplier"] = config.attention_form().scale;
  out["logits_scaling"] = 1 / config.logit_scale;
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "granite");
  rope_to_gguf(config.ropes[0], writer, "granite");
  writer.set("granite.embedding_scale", static_cast<float>(config.embedding_scale));
  writer.set("granite.residual_scale", static_cast<float>(config.residual_scale));
  writer.set("granite.attention.scale", config.attention_form().scale);
  writer.set("granite.logit_scale", static_cast<float>(1 / config.logit_scale));
}

}  // namespace

const Architecture& granite_architecture() {
  static const Architecture family{
      .name = "granite",
      .hf_model_type = "granite",
      .hf_class = "GraniteForCausalLM",
      .gguf_name = "granite",
      .weights = kLlamaWeights,
      .hf_bias_keys = kLlamaBiasKeys,
      .gguf_interleaves_rotation = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
