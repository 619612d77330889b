// A quantized weight rearranged for products in integers: as many of its rows as a vector has lanes
// lie side by side, so that a product reads memory in order, broadcasts x, and adds up every row in
// its own lane. Levels and scales are the file's, bit for bit.
//
// Rows go in tiles of `lanes`. A tile is a list of blocks (32 elements, or 256 for the K types),
// and a block of lanes = L is
//   header      f16 [L] for each parameter of the block
//   32 elements, `units` times:
//     scales    of the unit, by type; see Layout
//     levels    byte vectors of 4 L: lane r has 4 neighbouring elements of row r
//
// The bytes of a unit's 8 quads of elements are cut in planes by bits:
//   4 bits             vector i of 4: quad 2 i in low halves, quad 2 i + 1 in high halves
//   5th bit            bit q of a byte of 1 vector: quad q
//   5th and 6th bits   bits 2 (q % 4) and above of vector q / 4 of 2: quad q
//   8 bits             vector q of 8: quad q
//
// The last tile is filled up with rows of zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "bantam/tensor/cpu/read_order.h"
#include "bantam/tensor/cpu/rounded_rows.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// What each token asks for fits a cache line: while weights stream through the caches, it comes
/// from memory.
struct InterleavedWeight {
  DType dtype;
  int lanes;
  std::int64_t rows, width;
  std::int64_t tile_size = 0;  ///< bytes
  const std::byte* tiles = nullptr;
  std::shared_ptr<ReadNext> next = std::make_shared<ReadNext>();
  std::shared_ptr<const std::byte> memory = nullptr;  ///< which holds the tiles

  /// Asks for the reads that follow, some time before a product needs them.
  void fetch_next() const { __builtin_prefetch(next.get()); }
};

/// weight [N, K] of a type with a layout.
InterleavedWeight interleave(const Tensor& weight, int lanes);

/// True when interleaved_product() takes weights of this type on this CPU.
bool multiplies_interleaved(DType dtype);

/// Wide blocks of x on this CPU.
RoundedRows::Wide rows_side_by_side();

/// The form of a weight that this CPU multiplies; made by the first call and kept with the weight's
/// memory, as long as that lives and is not written. Pages of a mapped file under the weight may
/// then leave memory.
const InterleavedWeight& interleaved(const Tensor& weight);
/// That form where it was made, else nullptr.
const InterleavedWeight* find_interleaved(const Tensor& weight);

/// A weight, and where its product goes.
struct InterleavedProduct {
  const InterleavedWeight& weight;
  float* out;  ///< [rows of x, N]
};

/// out = x weightᵀ of each: the f32 product with the rounded x, up to the order of the sums over
/// units. A row has the same bits however many rows x has and whichever thread computes it.
void interleaved_products(const RoundedRows& x, std::span<const InterleavedProduct> products);

}  // namespace bantam::cpu
