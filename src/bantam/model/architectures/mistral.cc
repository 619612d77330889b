// Mistral: Llama whose layers may all look at a window of the last tokens (arXiv:2310.06825).
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  const auto window = config.integer("sliding_window");
  if (window) windows_from_hf(out, config, *window, [](int) { return true; });
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  return llama_architecture().config_from_gguf(file);
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "mistral", "MistralForCausalLM");
  rope_to_hf(config.ropes[0], out);
  const std::int64_t window = config.layer(0).window;
  out["sliding_window"] = window > 0 ? Json(window) : Json(nullptr);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  llama_architecture().config_to_gguf(config, writer);
  if (const std::int64_t window = config.layer(0).window; window > 0) {
    writer.set("llama.attention.sliding_window", static_cast<std::uint32_t>(window));
  }
}

}  // namespace

const Architecture& mistral_architecture() {
  static const Architecture family{
      .name = "mistral",
      .hf_model_type = "mistral",
      .hf_class = "MistralForCausalLM",
      .gguf_name = "llama",
      .gguf_mark = "llama.attention.sliding_window",
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
