// Marian (arXiv:1804.00344) as OPUS-MT trains it: BART with sines and cosines for positions and no
// norm behind the embeddings; texts and answers may have a vocabulary each.
#include "bantam/model/architectures/bart_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

bool has_two_vocabularies(const HfConfig& config) {
  return !config.boolean("share_encoder_decoder_embeddings").value_or(true);
}

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = bart_like_from_hf(config, Activation::gelu);
  change_both(out, [](DecoderConfig& stack) { stack.sinusoids = {.steps = stack.width / 2}; });
  if (has_two_vocabularies(config)) {
    out.vocabulary = config.integer("decoder_vocab_size").value_or(out.vocabulary);
  }
  return out;
}

Json to_hf(const DecoderConfig& config) {
  return bart_like_to_hf(config, "marian", "MarianMTModel");
}

Json separate_to_hf(const DecoderConfig& config) {
  Json out = to_hf(config);
  out["share_encoder_decoder_embeddings"] = false;
  out["decoder_vocab_size"] = config.vocabulary;
  return out;
}

}  // namespace

const Architecture& marian_architecture() {
  static const std::vector<WeightName> weights = bart_weights({.head_bias = true});
  static const Architecture family{
      .name = "marian",
      .hf_model_type = "marian",
      .hf_class = "MarianMTModel",
      .weights = weights,
      .hf_extras = kBartExtras,
      .config_from_hf = from_hf,
      .config_to_hf = to_hf,
  };
  return family;
}

const Architecture& marian_separate_architecture() {
  static const std::vector<WeightName> weights =
      bart_weights({.head_bias = true, .separate_tables = true});
  static const Architecture family = [] {
    Architecture same = marian_architecture();
    same.weights = weights;
    same.hf_accepts = has_two_vocabularies;
    same.config_to_hf = separate_to_hf;
    return same;
  }();
  return family;
}

}  // namespace bantam
