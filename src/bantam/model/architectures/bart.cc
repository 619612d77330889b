// BART (arXiv:1910.13461): learned positions that begin at row 2, norms after each sum and behind
// the embeddings; and mBART (arXiv:2001.08210), with norms before each branch and behind the last.
#include "bantam/model/architectures/bart_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

constexpr std::int64_t kFirstPosition = 2;

DecoderConfig bart_from_hf(const HfConfig& config) {
  DecoderConfig out = bart_like_from_hf(config, Activation::gelu);
  change_both(out, [](DecoderConfig& stack) {
    stack.learned_positions = stack.context + kFirstPosition;
    stack.learned_position_shift = kFirstPosition;
  });
  return out;
}

DecoderConfig mbart_from_hf(const HfConfig& config) {
  DecoderConfig out = bart_from_hf(config);
  change_both(out, [](DecoderConfig& stack) { stack.norm_placement = NormPlacement::before; });
  return out;
}

Json bart_to_hf(const DecoderConfig& config) {
  return bart_like_to_hf(config, "bart", "BartForConditionalGeneration");
}

Json mbart_to_hf(const DecoderConfig& config) {
  return bart_like_to_hf(config, "mbart", "MBartForConditionalGeneration");
}

}  // namespace

const Architecture& bart_architecture() {
  static const std::vector<WeightName> weights =
      bart_weights({.learned_positions = true, .embedding_norms = true, .head_bias = true});
  static const Architecture family{
      .name = "bart",
      .hf_model_type = "bart",
      .hf_class = "BartForConditionalGeneration",
      .weights = weights,
      .hf_extras = kBartExtras,
      .config_from_hf = bart_from_hf,
      .config_to_hf = bart_to_hf,
  };
  return family;
}

const Architecture& mbart_architecture() {
  static const std::vector<WeightName> weights = bart_weights(
      {.learned_positions = true, .embedding_norms = true, .final_norms = true, .head_bias = true});
  static const Architecture family{
      .name = "mbart",
      .hf_model_type = "mbart",
      .hf_class = "MBartForConditionalGeneration",
      .weights = weights,
      .hf_extras = kBartExtras,
      .config_from_hf = mbart_from_hf,
      .config_to_hf = mbart_to_hf,
  };
  return family;
}

}  // namespace bantam
