// f32 values of an interleaved weight, so that gradients need no second form of it.
#pragma once

#include <cstdint>

#include "bantam/tensor/cpu/interleaved_weight.h"

namespace bantam::cpu {

/// out [rows, width] = rows first … first + rows, the values that decoding the file's blocks gives.
void decode_interleaved(const InterleavedWeight& weight, std::int64_t first, std::int64_t rows,
                        float* out);

}  // namespace bantam::cpu
