// What BART and those after it have in common: names of weights, and keys of config.json.
#pragma once

#include <vector>

#include "bantam/model/architectures/family_keys.h"

namespace bantam {

/// What differs between the families' weights.
struct BartParts {
  bool learned_positions = false;  ///< a table in each stack
  bool embedding_norms = false;
  bool final_norms = false;  ///< behind the last layer of each stack
  bool head_bias = false;
  bool separate_tables = false;  ///< of tokens: one for texts, one for answers
};
std::vector<WeightName> bart_weights(const BartParts& parts);

/// Sizes of both stacks. Norms stand after sums, tables of tokens are scaled where the file says
/// so.
DecoderConfig bart_like_from_hf(const HfConfig& config, Activation by_default);
Json bart_like_to_hf(const DecoderConfig& config, std::string_view model_type,
                     std::string_view hf_class);

/// The same change to both stacks.
template <class F>
void change_both(DecoderConfig& config, F change) {
  DecoderConfig encoder = *config.encoder;
  change(encoder);
  change(config);
  config.encoder = std::make_shared<const DecoderConfig>(std::move(encoder));
}

/// Copies of tables of tokens, and positions that can be computed.
extern const std::array<std::string_view, 3> kBartExtras;

}  // namespace bantam
