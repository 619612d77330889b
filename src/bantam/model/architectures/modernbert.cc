// ModernBERT (arXiv:2412.13663): norms before each branch, gated GELU, rotary positions; of three
// layers one sees all of the text and two a band around each token, with a base of their own.
#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "model.embeddings.tok_embeddings.weight"},
    {"embed_norm.weight", "model.embeddings.norm.weight"},
    // The first layer reads what the embedding's norm gave.
    {"layers.#.attn_norm.weight", "model.layers.#.attn_norm.weight", "", FileRows::all, true},
    {"layers.#.attn.q.weight", "model.layers.#.attn.Wqkv.weight", "", FileRows::query},
    {"layers.#.attn.k.weight", "model.layers.#.attn.Wqkv.weight", "", FileRows::key},
    {"layers.#.attn.v.weight", "model.layers.#.attn.Wqkv.weight", "", FileRows::value},
    {"layers.#.attn.o.weight", "model.layers.#.attn.Wo.weight"},
    {"layers.#.mlp_norm.weight", "model.layers.#.mlp_norm.weight"},
    {"layers.#.mlp.gate.weight", "model.layers.#.mlp.Wi.weight", "", FileRows::gate},
    {"layers.#.mlp.up.weight", "model.layers.#.mlp.Wi.weight", "", FileRows::up},
    {"layers.#.mlp.down.weight", "model.layers.#.mlp.Wo.weight"},
    {"norm.weight", "model.final_norm.weight"},
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
  // The file says how many tokens a band holds: half of them on each side of the token itself.
  const std::int64_t reach = config.integer("local_attention").value_or(128) / 2 + 1;
  if (config.has("layer_types")) {
    windows_from_hf(out, config, reach, [](int) { return false; });
  } else {
    out.layer_parts.resize(static_cast<std::size_t>(out.layers));
    const std::int64_t every = config.integer("global_attn_every_n_layers").value_or(3);
    if (every < 1) {
      throw input_error("{}: global_attn_every_n_layers is {}; expected 1 or more", config.where(),
                        every);
    }
    for (int layer = 0; layer < out.layers; ++layer) {
      if (layer % every != 0) out.layer_parts[static_cast<std::size_t>(layer)].window = reach;
    }
  }
  for (LayerPart& part : out.layer_parts) part.rope = part.window > 0 ? kLocal : kGlobal;
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
  std::int64_t reach = 1;
  for (const LayerPart& part : config.layer_parts) reach = std::max(reach, part.window);
  out["local_attention"] = 2 * (reach - 1);
  out["layer_types"] = layer_types_of(config);
  return out;
}

}  // namespace

const Architecture& modernbert_architecture() {
  static const Architecture family{
      .name = "modernbert",
      .hf_model_type = "modernbert",
      .hf_class = "ModernBertModel",
      .weights = kWeights,
      .hf_prefix = "model.",
      .hf_extras = kExtras,
      .is_encoder = true,
      .heads = kHeads,
      .config_from_hf = from_hf,
      .config_to_hf = to_hf,
  };
  return family;
}

}  // namespace bantam
