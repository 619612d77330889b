// Rows of any element type as f32: the first step of every product with a weight that is not f32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bantam/tensor/dtype.h"

namespace bantam::cpu {

/// Decodes `count` elements (a multiple of the type's block) that start at `in`, which need not be
/// aligned. Bit-equal to ggml's scalar code on every CPU.
using Decode = void (*)(const std::byte* in, std::int64_t count, float* out);

/// Best one for this CPU. Defined for every type.
Decode decoder(DType dtype);

/// Bytes of `count` elements.
inline std::int64_t bytes_of(DType dtype, std::int64_t count) {
  return count / info(dtype).block_elements * info(dtype).block_bytes;
}

}  // namespace bantam::cpu
