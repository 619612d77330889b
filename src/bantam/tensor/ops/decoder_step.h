// A layer of a decoder as one op (tensor/decoder_step.h), for answers.
#pragma once

#include "bantam/tensor/decoder_step.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// x [T, D] -> [T, D], with the tokens' keys and values stored. Forward only, and the bits of the
/// ops that it stands for, one after the other. Throws Error(input) naming shapes, as they do.
Tensor decoder_step(const Tensor& x, const DecoderStep& step);
/// Those ops.
Tensor decoder_step_composed(const Tensor& x, const DecoderStep& step);

}  // namespace bantam
