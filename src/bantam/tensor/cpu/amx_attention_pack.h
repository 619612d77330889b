// How queries, keys and values become tiles of AMX (amx_attention.h).
#pragma once

#include <cstdint>

#include "bantam/tensor/cpu/amx_attention.h"
#include "bantam/tensor/cpu/amx_panels.h"

namespace bantam::cpu {

/// Rows that share a key head, `per_group` of each query; see AmxAttention.
struct QueryRows {
  const float* first;
  std::int64_t stride;  // between queries
  int queries, per_group, width;
  float scale;
};

/// Tiles of values for 16 features, or of weights for 16 rows: one for each piece.
constexpr std::int64_t kAmxPieceList = AmxAttention::kMostPieces * kAmxTile;

/// Of all tiles of keys, [pieces][2 blocks of keys][width / 32], after which those of values begin.
constexpr std::int64_t amx_size_of_keys(int width) { return kAmxPieceList * 2 * width / kAmxDepth; }

/// Null where the CPU has no AMX.
struct AmxPacks {
  /// Rows, times their scale, as tiles: [blocks of 16][width / 32]; zeros up to a whole pair of
  /// blocks.
  void (*queries)(const QueryRows& rows, std::uint16_t* tiles);
  /// Keys of a page as tiles of columns: [2 blocks of keys][width / 32].
  void (*keys)(const std::uint16_t* page, int first, int width, std::uint16_t* tiles);
  /// Values as tiles of columns, one for 16 features, `list` apart; zeros after the last.
  void (*values)(const std::uint16_t* from, int count, int width, std::int64_t list,
                 std::uint16_t* tiles);
};
const AmxPacks& amx_packs();

}  // namespace bantam::cpu
