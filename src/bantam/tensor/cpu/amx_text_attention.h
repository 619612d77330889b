// Attention over whole texts (ops/attention.h) by AMX, forward and backward: queries, keys, values,
// weights and gradients are rounded to bf16, sums and the exponential stay f32. 64 queries of a
// head meet 64 keys at a time, whose scores stay in the caches.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/amx_text_weights.h"
#include "bantam/tensor/cpu/attention_gradients.h"
#include "bantam/tensor/cpu/attention_plan.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// True where attention_precision() and the problem allow it: no bias, no cap.
bool attends_texts_by_amx(const AttentionProblem& problem);

/// Fills out [T, H, E] and log_sum_exp [T, H] for the queries of blocks of at most kTextTile, of
/// keys and values [S, G, E].
void attend_texts_by_amx(const AttentionProblem& problem, const Tensor& keys, const Tensor& values,
                         const std::vector<QueryBlock>& blocks, float* out, float* log_sum_exp);

/// Writes the gradients of keys and values to the problem, and those of queries to the rows of each
/// chunk.
void form_text_gradients_by_amx(const AttentionGradientProblem& problem, const Tensor& keys,
                                const Tensor& values, const std::vector<QueryBlock>& blocks,
                                const std::vector<KeyChunk>& chunks,
                                std::vector<PartialGradient>& d_queries);

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

/// sums [32 x_pairs, 32 y_pairs] = x yᵀ, or added to them; both factors [blocks of 16][tiles].
struct TextFactor {
  const std::uint16_t* blocks;
  int pairs;
};
void multiply_text(const AmxThread& amx, TextFactor x, TextFactor y, std::int64_t tiles,
                   bool accumulate, float* sums, std::int64_t stride);

}  // namespace bantam::cpu
