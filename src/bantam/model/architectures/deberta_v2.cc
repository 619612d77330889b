// DeBERTa-v2 and v3 (arXiv:2006.03654, arXiv:2111.09543): BERT whose attention adds to its scores
// what queries and keys make of the distance between them; the largest models have a convolution
// beside their first layer.
#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "deberta.embeddings.word_embeddings.weight"},
    {"positions.weight", "deberta.embeddings.position_embeddings.weight", "", FileRows::all, true},
    {"token_types.weight", "deberta.embeddings.token_type_embeddings.weight", "", FileRows::all,
     true},
    {"embed_in.weight", "deberta.embeddings.embed_proj.weight", "", FileRows::all, true},
    {"embed_norm.weight", "deberta.embeddings.LayerNorm.weight"},
    {"convolution.weight", "deberta.encoder.conv.conv.weight"},
    {"convolution_norm.weight", "deberta.encoder.conv.LayerNorm.weight"},
    {"distances.weight", "deberta.encoder.rel_embeddings.weight", "", FileRows::all, true},
    {"distance_norm.weight", "deberta.encoder.LayerNorm.weight", "", FileRows::all, true},
    {"layers.#.attn.q.weight", "deberta.encoder.layer.#.attention.self.query_proj.weight"},
    {"layers.#.attn.k.weight", "deberta.encoder.layer.#.attention.self.key_proj.weight"},
    {"layers.#.attn.v.weight", "deberta.encoder.layer.#.attention.self.value_proj.weight"},
    {"layers.#.attn.distance_q.weight",
     "deberta.encoder.layer.#.attention.self.pos_query_proj.weight", "", FileRows::all, true},
    {"layers.#.attn.distance_k.weight",
     "deberta.encoder.layer.#.attention.self.pos_key_proj.weight", "", FileRows::all, true},
    {"layers.#.attn.o.weight", "deberta.encoder.layer.#.attention.output.dense.weight"},
    {"layers.#.attn_norm.weight", "deberta.encoder.layer.#.attention.output.LayerNorm.weight"},
    {"layers.#.mlp.up.weight", "deberta.encoder.layer.#.intermediate.dense.weight"},
    {"layers.#.mlp.down.weight", "deberta.encoder.layer.#.output.dense.weight"},
    {"layers.#.mlp_norm.weight", "deberta.encoder.layer.#.output.LayerNorm.weight"},
};

constexpr std::string_view kExtras[] = {
    "pooler.", "position_ids", "cls.", "lm_predictions.", "mask_predictions.", "lm_head.",
    "classifier.", "qa_outputs.",
    // Some files keep a table of positions that the model does not read.
    "position_embeddings."};

constexpr HeadForm kHeads[] = {
    {.kind = HeadKind::sequence,
     .hf_class = "DebertaV2ForSequenceClassification",
     .output = "classifier.weight",
     .dense = "pooler.dense.weight",
     .activation = Activation::gelu,
     .activation_key = "pooler_hidden_act"},
    {.kind = HeadKind::token,
     .hf_class = "DebertaV2ForTokenClassification",
     .output = "classifier.weight"},
    {.kind = HeadKind::span,
     .hf_class = "DebertaV2ForQuestionAnswering",
     .output = "qa_outputs.weight"},
};

// "p2c|c2p", or a list.
bool attends(const HfConfig& config, std::string_view kind) {
  const auto types = config.json().find("pos_att_type");
  if (types == config.json().end()) return false;
  if (types->is_string()) return types->get<std::string>().find(kind) != std::string::npos;
  return types->is_array() && std::ranges::find(*types, Json(kind)) != types->end();
}

// Forms that no released model has.
void require_known_form(const HfConfig& config, std::int64_t width) {
  const auto require = [&](const char* key, std::int64_t expected) {
    const std::int64_t found = config.integer(key).value_or(expected);
    if (found == expected) return;
    throw input_error("{}: {} is {}; expected {}", config.where(), key, found, expected);
  };
  require("conv_groups", 1);
  require("pooler_hidden_size", width);
}

ConvolutionPart convolution_of(const HfConfig& config) {
  const std::int64_t kernel =
      std::max<std::int64_t>(0, config.integer("conv_kernel_size").value_or(0));
  if (kernel == 0) return {};
  return {.kernel = kernel, .activation = activation_from_hf(config, "conv_act", "tanh")};
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = bert_like_from_hf(config);
  require_known_form(config, out.width);
  out.norm_epsilon = static_cast<float>(config.number("layer_norm_eps").value_or(1e-7));
  out.token_types = config.integer("type_vocab_size").value_or(0);
  if (!config.boolean("position_biased_input").value_or(true)) out.learned_positions = 0;
  const std::int64_t table = config.integer("embedding_size").value_or(out.width);
  if (table != out.width) out.embedding_width = table;
  out.embedding_sums = EmbeddingSums::before_linear_and_norm;
  out.convolution = convolution_of(config);
  DisentangledPart& part = out.disentangled;
  part.by_query = attends(config, "c2p");
  part.by_key = attends(config, "p2c");
  const int sums = 1 + static_cast<int>(part.by_query) + static_cast<int>(part.by_key);
  out.attention_scale = 1 / std::sqrt(static_cast<double>(out.head_width * sums));
  if (!config.boolean("relative_attention").value_or(false)) return out;
  const std::int64_t farthest = config.integer("max_relative_positions").value_or(-1);
  part.max_distance = farthest < 1 ? out.context : farthest;
  part.buckets = std::max<std::int64_t>(0, config.integer("position_buckets").value_or(-1));
  part.shares_projections = config.boolean("share_att_key").value_or(false);
  part.normalizes_table =
      config.string("norm_rel_ebd").value_or("none").find("layer_norm") != std::string::npos;
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = bert_like_to_hf(config, "deberta-v2", "DebertaV2Model");
  const DisentangledPart& part = config.disentangled;
  out["max_position_embeddings"] = config.context;
  out["position_biased_input"] = config.learned_positions > 0;
  out["relative_attention"] = part.max_distance > 0;
  out["pos_att_type"] = Json::array();
  if (part.by_query) out["pos_att_type"].push_back("c2p");
  if (part.by_key) out["pos_att_type"].push_back("p2c");
  out["max_relative_positions"] = part.max_distance > 0 ? part.max_distance : -1;
  out["position_buckets"] = part.buckets > 0 ? part.buckets : -1;
  out["share_att_key"] = part.shares_projections;
  out["norm_rel_ebd"] = part.normalizes_table ? "layer_norm" : "none";
  if (config.embedding_width > 0) out["embedding_size"] = config.embedding_width;
  if (config.convolution.kernel > 0) {
    out["conv_kernel_size"] = config.convolution.kernel;
    out["conv_act"] = activation_name(config.convolution.activation);
  }
  return out;
}

}  // namespace

const Architecture& deberta_v2_architecture() {
  static const Architecture family{
      .name = "deberta-v2",
      .hf_model_type = "deberta-v2",
      .hf_class = "DebertaV2Model",
      .weights = kWeights,
      .hf_prefix = "deberta.",
      .hf_extras = kExtras,
      .is_encoder = true,
      .heads = kHeads,
      .config_from_hf = from_hf,
      .config_to_hf = to_hf,
  };
  return family;
}

}  // namespace bantam
