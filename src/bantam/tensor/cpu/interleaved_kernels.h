// Kernels of interleaved_products(), by type of weight.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bantam/tensor/cpu/rounded_rows.h"
#include "bantam/tensor/dtype.h"

namespace bantam::cpu {

/// Rows of x against the tiles of one weight.
struct InterleavedJob {
  const RoundedRows& x;
  const std::byte* tiles;
  std::int64_t tile_size, outputs;
  float* out;  ///< [x.rows(), outputs]
};

struct InterleavedKernel {
  int lanes = 0;      ///< rows of the weight in a tile; 0: none for the type on this CPU
  int wide_rows = 0;  ///< rows of x in a wide block
  void (*tiles)(const InterleavedJob&, std::int64_t first, std::int64_t last) = nullptr;
};

InterleavedKernel interleaved_kernel(DType dtype);

}  // namespace bantam::cpu
