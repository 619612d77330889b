// Weights in the type of a file, and whether a file holds just those.
#pragma once

#include "bantam/model/transformer.h"

namespace bantam {

/// The weight in another type; its own values where it has it already.
Tensor rounded_to(const Tensor& weight, DType dtype);

/// Whether `written` has the weights of `source` bit for bit, each rounded to the type that it has
/// in `written`: what its answers differ by then is the coarseness of the types alone.
bool holds_rounded(const Transformer& written, const Transformer& source);

}  // namespace bantam
