// Llama and what shares its shape (SmolLM2, TinyLlama, Llama 1 to 3): RMSNorm before each branch,
// grouped-query attention with rotary positions over two halves of each head, SwiGLU.
#include <array>
#include <cmath>
#include <numbers>

#include "bantam/model/architectures/list.h"
#include "bantam/model/gguf.h"
#include "bantam/model/hf_config.h"

namespace bantam {
namespace {

constexpr std::array<WeightName, 12> kWeights = {{
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
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.norm.weight", "output_norm.weight"},
    {"head.weight", "lm_head.weight", "output.weight"},
}};

// Before it becomes an int: a file may say 2^31.
int layer_count(std::int64_t stated) {
  if (stated < 1 || stated > 4096) {
    throw input_error("model: number of layers is {}; expected 1 to 4,096", stated);
  }
  return static_cast<int>(stated);
}

std::vector<double> plain_frequencies(const DecoderConfig& config) {
  return rope_frequencies(static_cast<int>(config.head_width), config.rope_theta);
}

// Llama 3.1's scaling: long wavelengths are slowed by `factor`, short ones kept, a ramp between
// (transformers, modeling_rope_utils.py, "llama3").
void scale_llama3(std::vector<double>& frequencies, const HfConfig& scaling) {
  const double factor = scaling.require_number("factor");
  const double low = scaling.require_number("low_freq_factor");
  const double high = scaling.require_number("high_freq_factor");
  const double trained = scaling.require_number("original_max_position_embeddings");
  for (double& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < trained / high) continue;
    if (wavelength > trained / low) {
      frequency /= factor;
      continue;
    }
    const double ramp = (trained / wavelength - low) / (high - low);
    frequency = (1 - ramp) * frequency / factor + ramp * frequency;
  }
}

void apply_hf_scaling(std::vector<double>& frequencies, std::string& scaling_json,
                      const HfConfig& config) {
  const auto scaling = config.object("rope_scaling");
  if (!scaling) return;
  const std::string kind =
      scaling->string("rope_type").value_or(scaling->string("type").value_or("default"));
  if (kind == "default") return;
  scaling_json = dump_json(scaling->json());
  if (kind == "linear") {
    for (double& frequency : frequencies) frequency /= scaling->require_number("factor");
  } else if (kind == "llama3") {
    scale_llama3(frequencies, *scaling);
  } else {
    throw input_error(
        "{}: rope_scaling of type '{}' is not known to Bantam; known: default, linear, llama3",
        config.where(), escaped(kind));
  }
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out;
  out.layers = layer_count(config.require_integer("num_hidden_layers"));
  out.width = config.require_integer("hidden_size");
  out.heads = config.require_integer("num_attention_heads");
  out.kv_heads = config.integer("num_key_value_heads").value_or(out.heads);
  out.head_width = config.integer("head_dim").value_or(out.heads > 0 ? out.width / out.heads : 0);
  out.feed_forward = config.require_integer("intermediate_size");
  out.vocabulary = config.require_integer("vocab_size");
  out.context = config.integer("max_position_embeddings").value_or(2048);
  out.norm_epsilon = static_cast<float>(config.number("rms_norm_eps").value_or(1e-6));
  // Newer files keep the base inside "rope_parameters".
  const auto parameters = config.object("rope_parameters");
  out.rope_theta =
      config.number("rope_theta")
          .value_or(parameters ? parameters->number("rope_theta").value_or(10000.0) : 10000.0);
  out.tied_head = config.boolean("tie_word_embeddings").value_or(false);
  const std::string activation = config.string("hidden_act").value_or("silu");
  if (activation != "silu") {
    throw input_error("{}: hidden_act is '{}'; the llama family uses silu", config.where(),
                      escaped(activation));
  }
  out.validate();
  out.rope.frequencies = plain_frequencies(out);
  const bool nested = parameters && !config.has("rope_scaling");
  apply_hf_scaling(
      out.rope.frequencies, out.rope.scaling_json,
      nested ? HfConfig(Json{{"rope_scaling", parameters->json()}}, config.where()) : config);
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out;
  out.layers = layer_count(file.require_integer("llama.block_count"));
  out.width = file.require_integer("llama.embedding_length");
  out.heads = file.require_integer("llama.attention.head_count");
  out.kv_heads = file.integer("llama.attention.head_count_kv").value_or(out.heads);
  out.head_width = file.integer("llama.attention.key_length")
                       .value_or(file.integer("llama.rope.dimension_count")
                                     .value_or(out.heads > 0 ? out.width / out.heads : 0));
  out.feed_forward = file.require_integer("llama.feed_forward_length");
  out.context = file.require_integer("llama.context_length");
  out.norm_epsilon =
      static_cast<float>(file.require_number("llama.attention.layer_norm_rms_epsilon"));
  out.rope_theta = file.number("llama.rope.freq_base").value_or(10000.0);
  out.tied_head = !file.has("output.weight");
  out.vocabulary = file.tensor("token_embd.weight").size(0);
  const auto stated = file.integer("llama.vocab_size");
  if (stated && *stated != out.vocabulary) {
    throw input_error("{}: llama.vocab_size is {} but token_embd.weight has {} rows",
                      file.description(), *stated, out.vocabulary);
  }
  out.validate();
  out.rope.frequencies = plain_frequencies(out);
  if (const auto factor = file.number("llama.rope.scaling.factor");
      factor && file.string("llama.rope.scaling.type").value_or("linear") == "linear") {
    for (double& frequency : out.rope.frequencies) frequency /= *factor;
  }
  if (file.has("rope_freqs.weight")) {
    // Llama 3.1's scaling as llama.cpp stores it: one divisor a frequency.
    const std::vector<double> divisors = file.tensor("rope_freqs.weight").values();
    if (divisors.size() != out.rope.frequencies.size()) {
      throw input_error("{}: rope_freqs.weight has {} values for {} frequencies",
                        file.description(), divisors.size(), out.rope.frequencies.size());
    }
    for (std::size_t i = 0; i < divisors.size(); ++i) out.rope.frequencies[i] /= divisors[i];
  }
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = {{"architectures", {"LlamaForCausalLM"}},
              {"model_type", "llama"},
              {"hidden_size", config.width},
              {"num_hidden_layers", config.layers},
              {"num_attention_heads", config.heads},
              {"num_key_value_heads", config.kv_heads},
              {"head_dim", config.head_width},
              {"intermediate_size", config.feed_forward},
              {"vocab_size", config.vocabulary},
              {"max_position_embeddings", config.context},
              {"rms_norm_eps", config.norm_epsilon},
              {"rope_theta", config.rope_theta},
              {"hidden_act", "silu"},
              {"attention_bias", false},
              {"mlp_bias", false},
              {"tie_word_embeddings", config.tied_head}};
  if (!config.rope.scaling_json.empty()) {
    out["rope_scaling"] = parse_json(config.rope.scaling_json);
  } else if (config.rope.frequencies != plain_frequencies(config)) {
    throw input_error(
        "this model's rotary frequencies are scaled in a way that config.json cannot state; export "
        "GGUF instead");
  }
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  const auto set = [&](const char* key, std::int64_t value) {
    writer.set(key, static_cast<std::uint32_t>(value));
  };
  set("llama.block_count", config.layers);
  set("llama.context_length", config.context);
  set("llama.embedding_length", config.width);
  set("llama.feed_forward_length", config.feed_forward);
  set("llama.attention.head_count", config.heads);
  set("llama.attention.head_count_kv", config.kv_heads);
  set("llama.attention.key_length", config.head_width);
  set("llama.attention.value_length", config.head_width);
  set("llama.rope.dimension_count", config.head_width);
  set("llama.vocab_size", config.vocabulary);
  writer.set("llama.rope.freq_base", static_cast<float>(config.rope_theta));
  writer.set("llama.attention.layer_norm_rms_epsilon", config.norm_epsilon);
  const std::vector<double> plain = plain_frequencies(config);
  if (config.rope.frequencies == plain) return;
  std::vector<float> divisors(plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    divisors[i] = static_cast<float>(plain[i] / config.rope.frequencies[i]);
  }
  writer.add("rope_freqs.weight",
             Tensor::from(divisors, {static_cast<std::int64_t>(divisors.size())}));
}

}  // namespace

const Architecture& llama_architecture() {
  static const Architecture llama{
      .name = "llama",
      .hf_model_type = "llama",
      .hf_class = "LlamaForCausalLM",
      .gguf_name = "llama",
      .weights = kWeights,
      .gguf_interleaves_rotation = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return llama;
}

}  // namespace bantam
