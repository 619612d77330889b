// ELECTRA (arXiv:2003.10555): BERT whose embedding may be narrower; a linear leads to the layers.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "electra.embeddings.word_embeddings.weight", "token_embd.weight"},
    {"positions.weight", "electra.embeddings.position_embeddings.weight", "position_embd.weight"},
    {"token_types.weight", "electra.embeddings.token_type_embeddings.weight", "token_types.weight"},
    {"embed_norm.weight", "electra.embeddings.LayerNorm.weight", "token_embd_norm.weight"},
    {"layers.#.attn.q.weight", "electra.encoder.layer.#.attention.self.query.weight",
     "blk.#.attn_q.weight"},
    {"layers.#.attn.k.weight", "electra.encoder.layer.#.attention.self.key.weight",
     "blk.#.attn_k.weight"},
    {"layers.#.attn.v.weight", "electra.encoder.layer.#.attention.self.value.weight",
     "blk.#.attn_v.weight"},
    {"layers.#.attn.o.weight", "electra.encoder.layer.#.attention.output.dense.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.attn_norm.weight", "electra.encoder.layer.#.attention.output.LayerNorm.weight",
     "blk.#.attn_output_norm.weight"},
    {"layers.#.mlp.up.weight", "electra.encoder.layer.#.intermediate.dense.weight",
     "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "electra.encoder.layer.#.output.dense.weight",
     "blk.#.ffn_down.weight"},
    {"layers.#.mlp_norm.weight", "electra.encoder.layer.#.output.LayerNorm.weight",
     "blk.#.layer_output_norm.weight"},
    {"embed_in.weight", "electra.embeddings_project.weight", "", FileRows::all, true},
};

constexpr HeadForm kHeads[] = {
    {.kind = HeadKind::sequence,
     .hf_class = "ElectraForSequenceClassification",
     .output = "classifier.out_proj.weight",
     .dense = "classifier.dense.weight",
     .activation = Activation::gelu},
    {.kind = HeadKind::token,
     .hf_class = "ElectraForTokenClassification",
     .output = "classifier.weight"},
    {.kind = HeadKind::span,
     .hf_class = "ElectraForQuestionAnswering",
     .output = "qa_outputs.weight"},
};

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = bert_like_from_hf(config);
  const std::int64_t table = config.integer("embedding_size").value_or(out.width);
  if (table != out.width) out.embedding_width = table;
  out.embedding_sums = EmbeddingSums::before_linear;
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = bert_like_to_hf(config, "electra", "ElectraModel");
  out["embedding_size"] = config.embedding_width > 0 ? config.embedding_width : config.width;
  return out;
}

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  bert_like_to_gguf(config, writer, "electra");
}

bool is_electra(const GgufFile& file) { return bert_like_is(file, "electra", ""); }

}  // namespace

const Architecture& electra_architecture() {
  static const Architecture family{
      .name = "electra",
      .hf_model_type = "electra",
      .hf_class = "ElectraModel",
      .gguf_name = "bert",
      .gguf_accepts = is_electra,
      .weights = kWeights,
      .hf_prefix = "electra.",
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
