// SmolLM3: Llama whose every fourth layer has no positions (arXiv:2501.18795).
#include <algorithm>

#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

// Where a file does not list them: GGUF files never do.
constexpr int kInterval = 4;

void leave_out_positions(DecoderConfig& config, int interval) {
  config.layer_parts.resize(static_cast<std::size_t>(config.layers));
  for (int layer = interval - 1; layer < config.layers; layer += interval) {
    config.layer_parts[static_cast<std::size_t>(layer)].rope = -1;
  }
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.ropes = {rope_from_hf(config, out.head_width, out.context, 2e6)};
  const auto window = config.integer("sliding_window");
  if (window && config.boolean("use_sliding_window").value_or(false)) {
    windows_from_hf(out, config, *window, [](int) { return true; });
  }
  const auto listed = config.json().find("no_rope_layers");  // 1: a layer with positions
  if (listed == config.json().end() || !listed->is_array()) {
    const std::int64_t interval = config.integer("no_rope_layer_interval").value_or(kInterval);
    if (interval < 1) {
      throw input_error("{}: no_rope_layer_interval is {}; expected 1 or more", config.where(),
                        interval);
    }
    leave_out_positions(out, static_cast<int>(std::min<std::int64_t>(interval, 1 << 20)));
    return out;
  }
  if (std::ssize(*listed) != out.layers) {
    throw input_error("{}: no_rope_layers names {} layers, num_hidden_layers is {}", config.where(),
                      listed->size(), out.layers);
  }
  out.layer_parts.resize(static_cast<std::size_t>(out.layers));
  for (std::size_t layer = 0; layer < listed->size(); ++layer) {
    if ((*listed)[layer] == Json(0)) out.layer_parts[layer].rope = -1;
  }
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "smollm3");
  out.ropes = {rope_from_gguf(file, "smollm3", out.head_width, out.context)};
  leave_out_positions(out, kInterval);
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "smollm3", "SmolLM3ForCausalLM");
  rope_to_hf(config.ropes[0], out);
  const std::int64_t window = config.layer(0).window;
  out["use_sliding_window"] = window > 0;
  out["sliding_window"] = window > 0 ? Json(window) : Json(nullptr);
  out["layer_types"] = layer_types_of(config);
  Json with_positions = Json::array();
  for (int layer = 0; layer < config.layers; ++layer) {
    with_positions.push_back(config.layer(layer).rope < 0 ? 0 : 1);
  }
  out["no_rope_layers"] = with_positions;
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  for (int layer = 0; layer < config.layers; ++layer) {
    if ((config.layer(layer).rope < 0) != ((layer + 1) % kInterval == 0)) {
      throw input_error(
          "GGUF has no key for layers without positions: readers leave them out of every fourth "
          "layer, which is not so in this model; export a Hugging Face folder instead");
    }
  }
  common_to_gguf(config, writer, "smollm3");
  rope_to_gguf(config.ropes[0], writer, "smollm3");
}

}  // namespace

const Architecture& smollm3_architecture() {
  static const Architecture family{
      .name = "smollm3",
      .hf_model_type = "smollm3",
      .hf_class = "SmolLM3ForCausalLM",
      .gguf_name = "smollm3",
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
