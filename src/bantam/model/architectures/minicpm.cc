// MiniCPM (arXiv:2404.06395, section 3): Llama with factors that make it train alike at every width
// and depth.
#include <cmath>

#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.tied_head = config.boolean("tie_word_embeddings").value_or(true);
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  out.embedding_scale = config.number("scale_emb").value_or(1);
  // The depth's factor is stated for the sum over all layers.
  out.residual_scale =
      config.number("scale_depth").value_or(1) / std::sqrt(static_cast<double>(out.layers));
  const double base = config.number("dim_model_base").value_or(static_cast<double>(out.width));
  out.logit_scale = base / static_cast<double>(out.width);
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "minicpm");
  out.ropes = {rope_from_gguf(file, "minicpm", out.head_width, out.context)};
  out.embedding_scale = file.number("minicpm.embedding_scale").value_or(12);
  out.residual_scale = file.number("minicpm.residual_scale")
                           .value_or(1.4 / std::sqrt(static_cast<double>(out.layers)));
  out.logit_scale =
      1 / file.number("minicpm.logit_scale").value_or(static_cast<double>(out.width) / 256);
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "minicpm", "MiniCPMForCausalLM");
  rope_to_hf(config.ropes[0], out);
  out["scale_emb"] = config.embedding_scale;
  out["scale_depth"] = config.residual_scale * std::sqrt(static_cast<double>(config.layers));
  out["dim_model_base"] = config.logit_scale * static_cast<double>(config.width);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "minicpm");
  rope_to_gguf(config.ropes[0], writer, "minicpm");
  writer.set("minicpm.embedding_scale", static_cast<float>(config.embedding_scale));
  writer.set("minicpm.residual_scale", static_cast<float>(config.residual_scale));
  writer.set("minicpm.logit_scale", static_cast<float>(1 / config.logit_scale));
}

}  // namespace

const Architecture& minicpm_architecture() {
  static const Architecture family{
      .name = "minicpm",
      .hf_model_type = "minicpm",
      .hf_class = "MiniCPMForCausalLM",
      .gguf_name = "minicpm",
      .weights = kLlamaWeights,
      .gguf_interleaves_rotation = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
