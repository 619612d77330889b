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
  float* out;                  ///< [x.rows(), outputs]
  std::int64_t bytes_at_once;  ///< of x that stay in cache while the tiles pass by
};

struct InterleavedKernel {
  /// Rows of the weight in a tile; 0: none for the type on this CPU.
  int lanes = 0;
  /// The most vectors of rows of x in a wide block; all but one can be, too.
  int vectors = 0;
  void (*tiles)(const InterleavedJob&, std::int64_t first, std::int64_t last) = nullptr;
};

InterleavedKernel interleaved_kernel(DType dtype);

}  // namespace bantam::cpu
