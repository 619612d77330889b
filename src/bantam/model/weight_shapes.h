// What shape every weight of a model has.
#pragma once

#include "bantam/model/transformer.h"

namespace bantam {

/// Throws Error(input) naming the site, the shape found and the one that the configuration asks
/// for; an embedding table of other rows than the vocabulary by both numbers. Both stacks of an
/// encoder-decoder are checked.
void require_shapes(const Transformer::Weights& weights, const DecoderConfig& config);

}  // namespace bantam
