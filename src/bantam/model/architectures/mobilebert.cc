// MobileBERT (arXiv:2004.02984): BERT whose layers work at a fraction of the model's width and hold
// several feed-forwards each; three neighboring tokens make an embedding, and norms only scale and
// shift.
#include "bantam/base/error.h"
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "mobilebert.embeddings.word_embeddings.weight"},
    {"positions.weight", "mobilebert.embeddings.position_embeddings.weight"},
    {"token_types.weight", "mobilebert.embeddings.token_type_embeddings.weight"},
    {"embed_in.weight", "mobilebert.embeddings.embedding_transformation.weight"},
    {"embed_norm.weight", "mobilebert.embeddings.LayerNorm.weight"},
    {"layers.#.narrow.in.weight", "mobilebert.encoder.layer.#.bottleneck.input.dense.weight"},
    {"layers.#.narrow.in_norm.weight",
     "mobilebert.encoder.layer.#.bottleneck.input.LayerNorm.weight"},
    {"layers.#.narrow.query_in.weight",
     "mobilebert.encoder.layer.#.bottleneck.attention.dense.weight"},
    {"layers.#.narrow.query_in_norm.weight",
     "mobilebert.encoder.layer.#.bottleneck.attention.LayerNorm.weight"},
    {"layers.#.attn.q.weight", "mobilebert.encoder.layer.#.attention.self.query.weight"},
    {"layers.#.attn.k.weight", "mobilebert.encoder.layer.#.attention.self.key.weight"},
    {"layers.#.attn.v.weight", "mobilebert.encoder.layer.#.attention.self.value.weight"},
    {"layers.#.attn.o.weight", "mobilebert.encoder.layer.#.attention.output.dense.weight"},
    {"layers.#.attn_norm.weight", "mobilebert.encoder.layer.#.attention.output.LayerNorm.weight"},
    {"layers.#.narrow.stack.@.up.weight",
     "mobilebert.encoder.layer.#.ffn.@.intermediate.dense.weight"},
    {"layers.#.narrow.stack.@.down.weight", "mobilebert.encoder.layer.#.ffn.@.output.dense.weight"},
    {"layers.#.narrow.stack.@.norm.weight",
     "mobilebert.encoder.layer.#.ffn.@.output.LayerNorm.weight"},
    {"layers.#.mlp.up.weight", "mobilebert.encoder.layer.#.intermediate.dense.weight"},
    {"layers.#.mlp.down.weight", "mobilebert.encoder.layer.#.output.dense.weight"},
    {"layers.#.mlp_norm.weight", "mobilebert.encoder.layer.#.output.LayerNorm.weight"},
    {"layers.#.narrow.out.weight", "mobilebert.encoder.layer.#.output.bottleneck.dense.weight"},
    {"layers.#.narrow.out_norm.weight",
     "mobilebert.encoder.layer.#.output.bottleneck.LayerNorm.weight"},
};

constexpr std::string_view kExtras[] = {"pooler.", "position_ids", "cls.", "classifier.",
                                        "qa_outputs.",
                                        // held, not read, where attention reads the narrow form
                                        "bottleneck.attention."};

constexpr HeadForm kHeads[] = {
    {.kind = HeadKind::sequence,
     .hf_class = "MobileBertForSequenceClassification",
     .output = "classifier.weight",
     .dense = "mobilebert.pooler.dense.weight",
     .dense_key = "classifier_activation"},
    {.kind = HeadKind::token,
     .hf_class = "MobileBertForTokenClassification",
     .output = "classifier.weight"},
    {.kind = HeadKind::span,
     .hf_class = "MobileBertForQuestionAnswering",
     .output = "qa_outputs.weight"},
};

// Other forms are those of teachers, which no released model of this class has.
void require_known_form(const HfConfig& config, bool narrow_attention) {
  const auto is_true = [&](const char* key) { return config.boolean(key).value_or(true); };
  const std::string norm = config.string("normalization_type").value_or("no_norm");
  const bool shared = narrow_attention || is_true("key_query_shared_bottleneck");
  if (norm == "no_norm" && is_true("use_bottleneck") && shared) return;
  throw input_error(
      "{}: expected use_bottleneck and key_query_shared_bottleneck true and normalization_type "
      "no_norm, found {}, {} and '{}'",
      config.where(), is_true("use_bottleneck"), shared, escaped(norm));
}

DecoderConfig from_hf(const HfConfig& config) {
  const bool narrow_attention = config.boolean("use_bottleneck_attention").value_or(false);
  require_known_form(config, narrow_attention);
  DecoderConfig out = bert_like_from_hf(config);
  out.norm = NormKind::affine;
  out.activation = activation_from_hf(config, "hidden_act", "relu");
  out.embedding_width = config.integer("embedding_size").value_or(128);
  out.embedding_neighbors = config.boolean("trigram_input").value_or(true);
  out.bottleneck.width = config.integer("intra_bottleneck_size").value_or(128);
  out.bottleneck.feed_forwards = config.integer("num_feedforward_networks").value_or(4);
  out.bottleneck.attention =
      narrow_attention ? BottleneckAttention::narrow : BottleneckAttention::narrow_queries;
  out.head_width = out.heads > 0 ? out.bottleneck.width / out.heads : 0;
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = bert_like_to_hf(config, "mobilebert", "MobileBertModel");
  const BottleneckPart& part = config.bottleneck;
  out["embedding_size"] = config.embedding_width;
  out["trigram_input"] = config.embedding_neighbors;
  out["use_bottleneck"] = true;
  out["intra_bottleneck_size"] = part.width;
  out["use_bottleneck_attention"] = part.attention == BottleneckAttention::narrow;
  out["key_query_shared_bottleneck"] = part.attention == BottleneckAttention::narrow_queries;
  out["num_feedforward_networks"] = part.feed_forwards;
  out["normalization_type"] = "no_norm";
  return out;
}

}  // namespace

const Architecture& mobilebert_architecture() {
  static const Architecture family{
      .name = "mobilebert",
      .hf_model_type = "mobilebert",
      .hf_class = "MobileBertModel",
      .weights = kWeights,
      .hf_prefix = "mobilebert.",
      .hf_extras = kExtras,
      .is_encoder = true,
      .heads = kHeads,
      .config_from_hf = from_hf,
      .config_to_hf = to_hf,
  };
  return family;
}

}  // namespace bantam
