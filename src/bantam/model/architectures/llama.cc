// Llama and what shares its shape (SmolLM2, TinyLlama, Llama 1 to 3): RMSNorm before each branch,
// grouped-query attention with rotary positions over two halves of each head, SwiGLU. GGUF files of
// Mistral call themselves llama.
#include "bantam/base/error.h"
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.ropes = {rope_from_hf(config, out.head_width, out.context)};
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "llama");
  const std::int64_t experts = file.integer("llama.expert_count").value_or(0);
  if (experts != 0 && !file.has("blk.0.ffn_gate_inp.weight")) {
    throw input_error("{}: llama.expert_count is {} but the file has no tensors of experts",
                      file.description(), experts);
  }
  out.head_width =
      file.integer("llama.attention.key_length")
          .value_or(file.integer("llama.rope.dimension_count").value_or(out.head_width));
  out.ropes = {rope_from_gguf(file, "llama", out.head_width, out.context)};
  if (const auto window = file.integer("llama.attention.sliding_window"); window && *window > 0) {
    set_windows(out, *window);
  }
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "llama", "LlamaForCausalLM");
  rope_to_hf(config.ropes[0], out);
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  common_to_gguf(config, writer, "llama");
  rope_to_gguf(config.ropes[0], writer, "llama");
}

}  // namespace

const Architecture& llama_architecture() {
  static const Architecture llama{
      .name = "llama",
      .hf_model_type = "llama",
      .hf_class = "LlamaForCausalLM",
      .gguf_name = "llama",
      .weights = kLlamaWeights,
      .hf_bias_keys = kLlamaBiasKeys,
      .gguf_interleaves_rotation = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return llama;
}

}  // namespace bantam
