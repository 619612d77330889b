// Rotary positions as files state them: base, the features that turn, and scaling.
#pragma once

#include <string_view>

#include "bantam/base/json.h"
#include "bantam/nn/decoder_config.h"

namespace bantam {

class GgufFile;
class GgufWriter;
class HfConfig;

/// From config.json: "rope_theta" and "rope_scaling", or "rope_parameters" with both. Kinds of
/// scaling: default, linear, dynamic, yarn, longrope (su), llama3, with transformers' formulas
/// (modeling_rope_utils.py). Throws Error(input) naming another kind and the known ones.
RopePart rope_from_hf(const HfConfig& config, std::int64_t turning_width, std::int64_t context,
                      double default_theta = 10000);
/// The same from one object of "rope_parameters"; null parameters: unscaled.
RopePart rope_from_parameters(const HfConfig* parameters, const std::string& where, double theta,
                              std::int64_t turning_width, std::int64_t context);
/// Adds "rope_theta" and "rope_scaling". Throws Error(input) when config.json cannot state it.
void rope_to_hf(const RopePart& rope, Json& out);

/// From PREFIX.rope.* keys and the tensors rope_freqs.weight, rope_factors_long/short.weight.
RopePart rope_from_gguf(const GgufFile& file, std::string_view prefix, std::int64_t turning_width,
                        std::int64_t context);
void rope_to_gguf(const RopePart& rope, GgufWriter& writer, std::string_view prefix);

/// Features that turn: "partial_rotary_factor" of the head width, at most all.
std::int64_t turning_width_from_hf(const HfConfig& config, std::int64_t head_width,
                                   double default_factor = 1);

}  // namespace bantam
