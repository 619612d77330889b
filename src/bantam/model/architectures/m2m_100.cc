// M2M-100 (arXiv:2010.11125) and NLLB (arXiv:2207.04672): BART's layers with norms before each
// branch and behind the last, sines and cosines whose frequencies end at 1 / 10000.
#include "bantam/model/architectures/bart_keys.h"
#include "bantam/model/architectures/list.h"

namespace bantam {
namespace {

DecoderConfig from_hf(const HfConfig& config) {
  DecoderConfig out = bart_like_from_hf(config, Activation::relu);
  // Positions begin behind the number of the padding token.
  const std::int64_t first = config.integer("pad_token_id").value_or(1) + 1;
  change_both(out, [first](DecoderConfig& stack) {
    stack.norm_placement = NormPlacement::before;
    stack.sinusoids = {.steps = stack.width / 2 - 1, .shift = first};
  });
  return out;
}

Json to_hf(const DecoderConfig& config) {
  Json out = bart_like_to_hf(config, "m2m_100", "M2M100ForConditionalGeneration");
  out["pad_token_id"] = config.sinusoids.shift - 1;
  return out;
}

}  // namespace

const Architecture& m2m_100_architecture() {
  static const std::vector<WeightName> weights = bart_weights({.final_norms = true});
  static const Architecture family{
      .name = "m2m_100",
      .hf_model_type = "m2m_100",
      .hf_class = "M2M100ForConditionalGeneration",
      .weights = weights,
      .hf_extras = kBartExtras,
      .config_from_hf = from_hf,
      .config_to_hf = to_hf,
  };
  return family;
}

}  // namespace bantam
