// What attention over whole texts by AMX makes of tiles of scores, in vectors: weights and their
// gradients, rounded to bf16 as tiles of the products that follow.
#pragma once

#include <cstdint>

#include "bantam/tensor/cpu/amx.h"

namespace bantam::cpu {

/// Queries and keys of a tile of scores.
constexpr int kTextTile = 64;
constexpr int kTextBlocks = kTextTile / kAmxRows, kTextGroups = kTextTile / kAmxDepth;

/// A tile of dot products [64 queries][64 keys].
struct TextScores {
  const float* dots;
  int queries;  ///< rows that are read: a multiple of 32
  /// Of each query, a bit for each key that it sees; all queries see all keys when null.
  const std::uint64_t* seen;
  float scale;  ///< of scores
};

/// What the rows of a block of queries have so far: outputs [64, width] and weights relative to the
/// maximum, which is that of scores times log2(e), -inf before the first key.
struct TextRows {
  float *outputs, *maximum;
  float* sums;  ///< [64][16], parts of a sum
  int width;
};

/// What gradients follow from, of each query.
struct TextGradients {
  const float* d_weights;    ///< [64][64] products of d_output and values
  const float* log_sum_exp;  ///< of scores
  const float* mean;         ///< of d_weights under the weights
};

struct AmxTextKernels {
  /// exp(scores - maximum) as tiles of rows, [4 blocks of queries][2 groups of keys]. Where a score
  /// lies far above the maximum, rows become relative to a larger one.
  void (*weigh)(const TextScores& scores, const TextRows& rows, std::uint16_t* weights);
  /// Weights as tiles of columns, [4 blocks of keys][groups of queries], and gradients of scores
  /// both as such tiles and as tiles of rows. Groups: those of the queries.
  void (*gradients)(const TextScores& scores, const TextGradients& of, std::uint16_t* weights,
                    std::uint16_t* d_scores, std::uint16_t* d_score_rows);
};

/// On a CPU that has_amx().
const AmxTextKernels& amx_text_kernels();

}  // namespace bantam::cpu
