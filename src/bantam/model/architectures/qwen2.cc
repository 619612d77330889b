// Qwen2 and Qwen2.5: Llama with biases of queries, keys and values (arXiv:2407.10671).
#include <algorithm>

#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

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
  DecoderConfig out = common_from_gguf(file, "qwen2");
  out.ropes = {rope_from_gguf(file, "qwen2", out.head_width, out.context)};
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "qwen2", "Qwen2ForCausalLM");
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
        "GGUF's qwen2 sees everything in every layer, this model a window in some; export a "
        "Hugging "
        "Face folder instead");
  }
  common_to_gguf(config, writer, "qwen2");
  rope_to_gguf(config.ropes[0], writer, "qwen2");
}

}  // namespace

const Architecture& qwen2_architecture() {
  static const Architecture family{
      .name = "qwen2",
      .hf_model_type = "qwen2",
      .hf_class = "Qwen2ForCausalLM",
      .gguf_name = "qwen2",
      .weights = kLlamaWeights,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
