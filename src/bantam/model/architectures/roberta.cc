// RoBERTa (arXiv:1907.11692) and XLM-RoBERTa: BERT whose positions begin behind the number of the
// padding token.
#include "bantam/model/architectures/family_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr WeightName kWeights[] = {
    {"embed.weight", "roberta.embeddings.word_embeddings.weight", "token_embd.weight"},
    {"positions.weight", "roberta.embeddings.position_embeddings.weight", "position_embd.weight"},
    {"token_types.weight", "roberta.embeddings.token_type_embeddings.weight", "token_types.weight"},
    {"embed_norm.weight", "roberta.embeddings.LayerNorm.weight", "token_embd_norm.weight"},
    {"layers.#.attn.q.weight", "roberta.encoder.layer.#.attention.self.query.weight",
     "blk.#.attn_q.weight"},
    {"layers.#.attn.k.weight", "roberta.encoder.layer.#.attention.self.key.weight",
     "blk.#.attn_k.weight"},
    {"layers.#.attn.v.weight", "roberta.encoder.layer.#.attention.self.value.weight",
     "blk.#.attn_v.weight"},
    {"layers.#.attn.o.weight", "roberta.encoder.layer.#.attention.output.dense.weight",
     "blk.#.attn_output.weight"},
    {"layers.#.attn_norm.weight", "roberta.encoder.layer.#.attention.output.LayerNorm.weight",
     "blk.#.attn_output_norm.weight"},
    {"layers.#.mlp.up.weight", "roberta.encoder.layer.#.intermediate.dense.weight",
     "blk.#.ffn_up.weight"},
    {"layers.#.mlp.down.weight", "roberta.encoder.layer.#.output.dense.weight",
     "blk.#.ffn_down.weight"},
    {"layers.#.mlp_norm.weight", "roberta.encoder.layer.#.output.LayerNorm.weight",
     "blk.#.layer_output_norm.weight"},
};

constexpr HeadForm kHeads[] = {
    {.kind = HeadKind::sequence,
     .hf_class = "RobertaForSequenceClassification",
     .output = "classifier.out_proj.weight",
     .dense = "classifier.dense.weight"},
    {.kind = HeadKind::token,
     .hf_class = "RobertaForTokenClassification",
     .output = "classifier.weight"},
    {.kind = HeadKind::span,
     .hf_class = "RobertaForQuestionAnswering",
     .output = "qa_outputs.weight"},
};

constexpr HeadForm kXlmHeads[] = {
    {.kind = HeadKind::sequence,
     .hf_class = "XLMRobertaForSequenceClassification",
     .output = "classifier.out_proj.weight",
     .dense = "classifier.dense.weight"},
    {.kind = HeadKind::token,
     .hf_class = "XLMRobertaForTokenClassification",
     .output = "classifier.weight"},
    {.kind = HeadKind::span,
     .hf_class = "XLMRobertaForQuestionAnswering",
     .output = "qa_outputs.weight"},
};

constexpr std::int64_t kPadding = 1;  // the usual number of the padding token

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = bert_like_from_hf(config);
  out.learned_position_shift = config.integer("pad_token_id").value_or(kPadding) + 1;
  out.context = out.learned_positions - out.learned_position_shift;
  return out;
}

DecoderConfig from_gguf(const GgufFile& file) {
  DecoderConfig out = bert_like_from_gguf(file);
  const std::int64_t stated = file.integer("tokenizer.ggml.padding_token_id").value_or(kPadding);
  const std::int64_t padding = stated >= 0 && stated < out.vocabulary ? stated : kPadding;
  out.learned_position_shift = padding + 1;
  out.learned_positions += out.learned_position_shift;
  return out;
}

Json roberta_to_hf(const DecoderConfig& config, std::string_view type, std::string_view hf_class) {
  Json out = bert_like_to_hf(config, type, hf_class);
  out["pad_token_id"] = config.learned_position_shift - 1;
  return out;
}

Json to_hf(const DecoderConfig& config) { return roberta_to_hf(config, "roberta", "RobertaModel"); }

void to_gguf(const DecoderConfig& config, GgufWriter& writer) {
  bert_like_to_gguf(config, writer, "roberta");
}

// The one has a byte-level vocabulary, the other SentencePiece's Unigram.
bool is_roberta(const GgufFile& file) { return bert_like_is(file, "roberta", "gpt2"); }
bool is_xlm_roberta(const GgufFile& file) { return bert_like_is(file, "xlm-roberta", "t5"); }

}  // namespace

const Architecture& roberta_architecture() {
  static const Architecture family{
      .name = "roberta",
      .hf_model_type = "roberta",
      .hf_class = "RobertaModel",
      .gguf_name = "bert",
      .gguf_accepts = is_roberta,
      .weights = kWeights,
      .hf_prefix = "roberta.",
      .hf_extras = kBertExtras,
      .is_encoder = true,
      .heads = kHeads,
      .gguf_cuts_positions = true,
      .config_from_hf = from_hf,
      .config_from_gguf = from_gguf,
      .config_to_hf = to_hf,
      .config_to_gguf = to_gguf,
  };
  return family;
}

const Architecture& xlm_roberta_architecture() {
  static const Architecture family = [] {
    Architecture same = roberta_architecture();
    same.name = same.hf_model_type = "xlm-roberta";
    same.hf_class = "XLMRobertaModel";
    same.gguf_accepts = is_xlm_roberta;
    same.heads = kXlmHeads;
    same.config_to_hf = [](const DecoderConfig& config) {
      return roberta_to_hf(config, "xlm-roberta", "XLMRobertaModel");
    };
    same.config_to_gguf = [](const DecoderConfig& config, GgufWriter& writer) {
      bert_like_to_gguf(config, writer, "xlm-roberta");
    };
    return same;
  }();
  return family;
}

}  // namespace bantam
