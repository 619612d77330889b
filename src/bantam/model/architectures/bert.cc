// BERT (arXiv:1810.04805) and MiniLM: learned positions and token types, norms after each sum,
// GELU.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "bert.embeddings.word_embeddings.weight", "token_embd.weight"},
    {"positions.weight", "bert.embeddings.position_embeddings.weight", "position_embd.weight"},
    {"token_types.weight", "bert.embeddings.token_type_embeddings.weight", "token_types.weight"},
    {"embed_norm.weight", "bert.embeddings.LayerNorm.weight", "token_embd_norm.weight"},
    {"layers.#.attn.q.weight", "bert.encoder.layer.#.attention.self.query.weight",
     "blk.#.attn_q.weight"},
    {"layers.#.attn.k.weight", "bert.encoder.layer.#.attention.self.key.weight",
     "blk.#.attn_k.weight"},
    {"layers.#.attn.v.weight", "bert.encoder.layer.#.attention.self.value.weight",
     "blk.#.attn_v.weight"},
    {"layers.#.attn.o.weight", "bert.encoder.layer.#.attention.output.dense.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.attn_norm.weight", "bert.encoder.layer.#.attention.output.LayerNorm.weight",
     "blk.#.attn_output_norm.weight"},
    {"layers.#.mlp.up.weight", "bert.encoder.layer.#.intermediate.dense.weight",
     "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "bert.encoder.layer.#.output.dense.weight",
     "blk.#.ffn_down.weight"},
    {"layers.#.mlp_norm.weight", "bert.encoder.layer.#.output.LayerNorm.weight",
     "blk.#.layer_output_norm.weight"},
};

constexpr HeadForm kHeads[] = {
    {.kind = HeadKind::sequence,
     .hf_class = "BertForSequenceClassification",
     .output = "classifier.weight",
     .dense = "bert.pooler.dense.weight"},
    {.kind = HeadKind::token,
     .hf_class = "BertForTokenClassification",
     .output = "classifier.weight"},
    {.kind = HeadKind::span, .hf_class = "BertForQuestionAnswering", .output = "qa_outputs.weight"},
};

DecoderConfig from_hf(const HfConfig& config) { return bert_like_from_hf(config); }

Json to_hf(const DecoderConfig& config) { return bert_like_to_hf(config, "bert", "BertModel"); }

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  bert_like_to_gguf(config, writer, "bert");
}

}  // namespace

const Architecture& bert_architecture() {
  static const Architecture family{
      .name = "bert",
      .hf_model_type = "bert",
      .hf_class = "BertModel",
      .gguf_name = "bert",
      .weights = kWeights,
      .hf_prefix = "bert.",
      .hf_extras = kBertExtras,
      .is_encoder = true,
      .heads = kHeads,
      .config_from_hf = from_hf,
      .config_from_gguf = bert_like_from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

}  // namespace bantam
