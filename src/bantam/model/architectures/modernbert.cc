// ModernBERT (arXiv:2412.13663): norms before each branch, gated GELU, rotary positions; of three
// layers one sees all of the text and two a band around each token, with a base of their own.
#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "model.embeddings.tok_embeddings.weight", "token_embd.weight"},
    {"embed_norm.weight", "model.embeddings.norm.weight", "token_embd_norm.weight"},
    // The first layer reads what the embedding's norm gave.
    {"layers.#.attn_norm.weight", "model.layers.#.attn_norm.weight", "blk.#.attn_norm.weight",
     FileRows::all, true},
    {"layers.#.attn.q.weight", "model.layers.#.attn.Wqkv.weight", "blk.#.attn_qkv.weight",
     FileRows::query},
    {"layers.#.attn.k.weight", "model.layers.#.attn.Wqkv.weight", "blk.#.attn_qkv.weight",
     FileRows::key},
    {"layers.#.attn.v.weight", "model.layers.#.attn.Wqkv.weight", "blk.#.attn_qkv.weight",
     FileRows::value},
    {"layers.#.attn.o.weight", "model.layers.#.attn.Wo.weight", "blk.#.attn_output.weight"},
    {"layers.#.mlp_norm.weight", "model.layers.#.mlp_norm.weight", "blk.#.ffn_norm.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.Wi.weight", "blk.#.ffn_up.weight",
     FileRows::gate},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.Wi.weight", "blk.#.ffn_up.weight", FileRows::up},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.Wo.weight", "blk.#.ffn_down.weight"},
    {"norm.weight", "model.final_norm.weight", "output_norm.weight"},
};

constexpr std::string_view kExtras[] = {"head.", "decoder.", "classifier."};
constexpr HeadForm kHeads[] = {
    {.kind = HeadKind::sequence,
     .hf_class = "ModernBertForSequenceClassification",
     .output = "classifier.weight",
     .dense = "head.dense.weight",
     .norm = "head.norm.weight",
     .activation = Activation::gelu,
     .activation_key = "classifier_activation",
     .pooling_key = "classifier_pooling",
     .bias_key = "classifier_bias"},
    {.kind = HeadKind::token,
     .hf_class = "ModernBertForTokenClassification",
     .output = "classifier.weight",
     .dense = "head.dense.weight",
     .norm = "head.norm.weight",
     .activation = Activation::gelu,
     .activation_key = "classifier_activation",
     .bias_key = "classifier_bias"},
    {.kind = HeadKind::span,
     .hf_class = "ModernBertForQuestionAnswering",
     .output = "classifier.weight",
     .dense = "head.dense.weight",
     .norm = "head.norm.weight",
     .activation = Activation::gelu,
     .activation_key = "classifier_activation",
     .bias_key = "classifier_bias"},
};

constexpr int kGlobal = 0, kLocal = 1;  // places in ropes
constexpr double kGlobalTheta = 160000, kLocalTheta = 10000;
constexpr std::int64_t kEvery = 3;  // of so many layers one sees all of the text

// The file says how many tokens a band holds: half of them on each side of the token itself.
std::int64_t reach_of(std::int64_t band) { return band / 2 + 1; }

std::int64_t band_of(const DecoderConfig& config) {
  std::int64_t reach = 1;
  for (const LayerPart& part : config.layer_parts) reach = std::max(reach, part.window);
  return 2 * (reach - 1);
}

// The first layer, and each at a distance of `every` from it, sees everything.
void set_bands(DecoderConfig& config, std::int64_t every, std::int64_t reach) {
  config.layer_parts.resize(static_cast<std::size_t>(config.layers));
  for (int layer = 0; layer < config.layers; ++layer) {
    if (layer % every != 0) config.layer_parts[static_cast<std::size_t>(layer)].window = reach;
  }
}

void set_local_ropes(DecoderConfig& config) {
  for (LayerPart& part : config.layer_parts) part.rope = part.window > 0 ? kLocal : kGlobal;
}

std::int64_t require_period(std::int64_t every, const std::string& where, std::string_view key) {
  if (every >= 1) return every;
  throw input_error("{}: {} is {}; expected 1 or more", where, key, every);
}

RopePart rope_of(const HfConfig& config, const char* type, const char* older_key, double theta,
                 const DecoderConfig& out) {
  const auto all = config.object("rope_parameters");
  const auto own = all ? all->object(type) : std::nullopt;
  theta = config.number(older_key).value_or(theta);
  if (own) theta = own->number("rope_theta").value_or(theta);
  return rope_from_parameters(own ? &*own : nullptr, config.where(), theta, out.head_width,
                              out.context);
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = common_from_hf(config);
  out.bidirectional = true;
  out.norm = NormKind::layer;
  out.norm_epsilon = static_cast<float>(config.number("norm_eps").value_or(1e-5));
  out.activation = activation_from_hf(config, "hidden_activation", "gelu");
  out.ropes = {rope_of(config, "full_attention", "global_rope_theta", kGlobalTheta, out),
               rope_of(config, "sliding_attention", "local_rope_theta", kLocalTheta, out)};
  const std::int64_t reach = reach_of(config.integer("local_attention").value_or(128));
  if (config.has("layer_types")) {
    windows_from_hf(out, config, reach, [](int) { return false; });
  } else {
    constexpr std::string_view kKey = "global_attn_every_n_layers";
    set_bands(out, require_period(config.integer(kKey).value_or(kEvery), config.where(), kKey),
              reach);
  }
  set_local_ropes(out);
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = common_from_gguf(file, "modern-bert");
  out.bidirectional = true;
  // Files may state an epsilon of RMS norms as well.
  out.norm = NormKind::layer;
  if (const auto stated = file.number("modern-bert.attention.layer_norm_epsilon")) {
    out.norm_epsilon = static_cast<float>(*stated);
  }
  out.activation = activation_from_gguf(file, "modern-bert");
  out.ropes = {
      rope_from_gguf(file, "modern-bert", out.head_width, out.context),
      rope_from_parameters(nullptr, file.description(),
                           file.number("modern-bert.rope.freq_base_swa").value_or(kLocalTheta),
                           out.head_width, out.context)};
  const std::int64_t band = file.integer("modern-bert.attention.sliding_window").value_or(0);
  constexpr std::string_view kKey = "modern-bert.attention.sliding_window_pattern";
  const std::int64_t every = file.integer(kKey).value_or(kEvery);
  set_bands(out, require_period(band > 0 ? every : 1, file.description(), kKey), reach_of(band));
  set_local_ropes(out);
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = common_to_hf(config, "modernbert", "ModernBertModel");
  out.erase("layer_norm_eps");
  out.erase("hidden_act");
  out.erase("head_dim");
  out["norm_eps"] = config.norm_epsilon;
  out["hidden_activation"] = activation_name(config.activation);
  out["global_rope_theta"] = config.ropes[kGlobal].theta;
  out["local_rope_theta"] = config.ropes[kLocal].theta;
  out["local_attention"] = band_of(config);
  out["layer_types"] = layer_types_of(config);
  return out;
}

// How many layers there are from one that sees everything to the next.
std::int64_t period_of(const DecoderConfig& config) {
  const auto local = [&](int layer) { return config.layer(layer).window > 0; };
  int every = 1;
  while (every < config.layers && local(every)) ++every;
  for (int layer = 0; layer < config.layers; ++layer) {
    if (local(layer) == (layer % every != 0)) continue;
    throw input_error(
        "GGUF's modern-bert sees everything in the first layer and in each at one distance, which "
        "is not so in this model; export a Hugging Face folder instead");
  }
  return every;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  constexpr Activation kKnown[] = {Activation::gelu, Activation::gelu_tanh, Activation::silu};
  const std::int64_t every = period_of(config);
  common_to_gguf(config, writer, "modern-bert");
  activation_to_gguf(config.activation, kKnown, writer, "modern-bert");
  writer.set("modern-bert.attention.causal", false);
  writer.set("modern-bert.attention.sliding_window", static_cast<std::uint32_t>(band_of(config)));
  writer.set("modern-bert.attention.sliding_window_pattern", static_cast<std::uint32_t>(every));
  rope_to_gguf(config.ropes[kGlobal], writer, "modern-bert");
  writer.set("modern-bert.rope.freq_base_swa", static_cast<float>(config.ropes[kLocal].theta));
}

}  // namespace

const Architecture& modernbert_architecture() {
  static const Architecture family{
      .name = "modernbert",
      .hf_model_type = "modernbert",
      .hf_class = "ModernBertModel",
      .gguf_name = "modern-bert",
      .weights = kWeights,
      .hf_prefix = "model.",
      .hf_extras = kExtras,
      .is_encoder = true,
      .heads = kHeads,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
