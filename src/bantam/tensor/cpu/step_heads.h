// What lies between a layer's products and its attention (tensor/decoder_step.h).
#pragma once

#include <cstdint>

#include "bantam/tensor/decoder_step.h"

namespace bantam::cpu {

/// Queries [T, H * E], keys and values [T, G * E] of a step's tokens.
struct StepHeads {
  float *queries, *keys, *values;
};

/// Makes of the products of tokens first … last what attention reads: biases, norms of heads,
/// rotation. Keys and values go to their pages. On the calling thread.
void finish_heads(const DecoderStep& step, const StepHeads& heads, std::int64_t first,
                  std::int64_t last);

}  // namespace bantam::cpu
