// A decoder's layer as one op, where its parts allow it (tensor/decoder_step.h).
#pragma once

#include <optional>

#include "bantam/nn/decoder.h"
#include "bantam/tensor/decoder_step.h"

namespace bantam {

/// The layer as a step over the tokens of a pass that continues stored ones. Nothing where it has
/// other parts than a step has, an adapter is attached, or somebody taps activations.
std::optional<DecoderStep> step_of(const DecoderLayer& layer, int number,
                                   const ForwardContext& context);

}  // namespace bantam
