// Whole texts cut in tiles of 64 queries and 64 keys, for attention by AMX: the factors of its
// products, and which keys of a tile are seen.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/amx_text_weights.h"
#include "bantam/tensor/cpu/attention_plan.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// Features of tiles for heads of `width`, zeros behind it.
inline std::int64_t text_width(std::int64_t width) { return amx_pairs(width) * kAmxPair; }

/// Rows x [S, G, E] as columns of products, kTextTile rows at a time, W = text_width(E); made on
/// all threads.
class TextColumns {
 public:
  enum class Along { features, rows };  ///< what a sum adds up
  TextColumns(const Tensor& x, Along along);

  /// Along features [4 blocks of rows][W / 32 tiles], along rows [W / 16 blocks][2 tiles].
  const std::uint16_t* tile(std::int64_t group, std::int64_t number) const {
    return columns_ + (group * tiles_ + number) * of_tile_;
  }

 private:
  std::int64_t tiles_, of_tile_;
  Tensor memory_;
  std::uint16_t* columns_;
};

/// The tiles of keys begin … end that some query of a block sees; `begin` is a multiple of a tile.
class SeenTiles {
 public:
  SeenTiles(const Visibility& visibility, const QueryBlock& block, std::int32_t begin,
            std::int32_t end);

  struct Tile {
    std::int32_t number;
    const std::uint64_t* seen;  ///< TextScores::seen
  };
  const std::vector<Tile>& tiles() const { return tiles_; }

 private:
  std::vector<Tile> tiles_;
  std::vector<std::uint64_t> seen_;
};

/// How many queries a block has, and what they fill.
struct TextQueries {
  explicit TextQueries(const QueryBlock& block)
      : count(block.end - block.begin), groups((count + kAmxDepth - 1) / kAmxDepth) {}
  int rows() const { return groups * kAmxDepth; }
  std::int32_t count;
  int groups;  ///< of 32
};

/// A factor of a product: [pairs of blocks of 16 rows or columns][2][tiles].
struct TextFactor {
  const std::uint16_t* blocks;
  int pairs;
};
/// sums [32 x.pairs, 32 y.pairs] = x yᵀ, or added to them; rows `stride` floats apart.
void multiply_text(const AmxThread& amx, TextFactor x, TextFactor y, std::int64_t tiles,
                   bool accumulate, float* sums, std::int64_t stride);

}  // namespace bantam::cpu
