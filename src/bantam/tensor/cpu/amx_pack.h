// Matrices of floats as tiles of bf16 for AMX, rounded to nearest.
#pragma once

#include <cstdint>

#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/packed_levels.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// Whether what follows is there: it is compiled for CPUs that have AMX, and fewer instructions may
/// have been asked for. Asking Highway for the CPU's targets would ask the CPU each time, which
/// takes 40 microseconds on a virtual machine.
bool packs_tiles();

/// Packs contiguous vectors that are part of the rows from `row` on, and zeros up to a whole pair
/// of blocks; their neighbors begin with group `group`, and both are multiples of a pair. On the
/// calling thread.
void pack_rows(const Vectors& vectors, const AmxRows& rows, std::int64_t row, std::int64_t group);

/// The same of (x * factor) * weight for contiguous rows x [count, width] with a factor each, at
/// most 16, and a weight [width]; width a multiple of 32. Zeros up to 16 rows.
void pack_scaled_rows(const float* x, std::int64_t count, std::int64_t width, const float* factors,
                      const float* weight, const AmxRows& rows, std::int64_t row);

/// Vectors as the rows of a product; made on all threads.
class PackedRows {
 public:
  explicit PackedRows(const Vectors& vectors);
  /// Room for so many vectors of so many neighbors, which pack_rows() fills.
  PackedRows(std::int64_t count, std::int64_t length);
  const AmxRows& view() const { return view_; }

 private:
  Tensor memory_;
  AmxRows view_;
};

/// Vectors as the columns of a panel (OpenPanel).
void pack_panel(const Vectors& vectors, const AmxPanel& panel, std::uint16_t* tiles);

}  // namespace bantam::cpu
