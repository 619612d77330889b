// What paged attention computes together: queries of one sequence, whose lists of keys begin alike.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/ops/paged_attention.h"

namespace bantam::cpu {

/// Pieces a chunk: 128 keys take about 10 microseconds, enough to hand to a thread, and merging a
/// chunk costs a fiftieth of that.
constexpr std::int32_t kChunkPieces = 4;
constexpr std::int64_t kChunkKeys = kChunkPieces * kPageRows;

struct Piece {
  std::int32_t row;     ///< the first
  std::int32_t count;   ///< rows, all in one page
  std::int32_t before;  ///< keys of the block's list that precede
};

struct PagedProblem {
  const float* q;
  const Tensor& pages;
  const Visibility& visibility;
  std::int64_t heads, groups;
  int width, per_group;
  ScoreForm form;
  AttentionBias bias;
  bool by_tiles;  // of AMX, in passages

  bool is_half() const { return pages.dtype() == DType::f16; }
  /// In tiles, those of whole pages: few pieces are then seen by some of the rows that are weighed
  /// together. Only one block a key head would leave threads without work.
  std::int32_t queries_per_block() const {
    if (!by_tiles) return std::max(1, kBlockRows / per_group);
    constexpr auto kRows = static_cast<std::int32_t>(kPageRows);
    const auto pages_of_half = static_cast<std::int32_t>(visibility.queries() / (2 * kPageRows));
    return std::max(std::min(6 * kAmxPair / per_group / kRows, pages_of_half), 1) * kRows;
  }
  /// Where the page of a piece has a side and key head.
  std::int64_t plane(const Piece& piece, PageSide side, std::int64_t group) const {
    const std::int64_t of_page = group * 2 + (side == PageSide::values);
    return piece.row / kPageRows * pages.stride(0) + of_page * kPageRows * width;
  }
  std::span<const KeyRange> ranges(std::int32_t query) const {
    const auto first = visibility.ranges.begin() + visibility.first[query];
    return {first, visibility.ranges.begin() + visibility.first[query + 1]};
  }
};

// Queries of which each sees the beginning of what the last one sees.
struct PagedBlock {
  std::int32_t begin = 0, end = 0;
  std::vector<std::int32_t> seen;  ///< keys of each query, ascending
  std::vector<Piece> pieces;       ///< what the last one sees
  std::size_t list = 0;            ///< the block whose pieces begin with these

  std::int32_t chunks() const {
    return (static_cast<std::int32_t>(pieces.size()) + kChunkPieces - 1) / kChunkPieces;
  }
  /// Its pieces; none beyond the last chunk.
  std::span<const Piece> chunk(std::int32_t number) const {
    const std::size_t count = pieces.size(),
                      first = std::min(static_cast<std::size_t>(number * kChunkPieces), count);
    return std::span(pieces).subspan(first, std::min<std::size_t>(kChunkPieces, count - first));
  }
};

std::int32_t keys_in(std::span<const KeyRange> ranges);

/// Some key heads of a block.
struct PagedUnit {
  const PagedBlock* block;
  std::int64_t first_group, last_group;
};

/// What a problem is cut in.
struct PagedPlan {
  /// Queries that see nothing are in no block.
  std::vector<PagedBlock> blocks;
  /// A single query reads pages from end to end, unless it is done sooner with a thread for each
  /// key head; several queries compute more than they read and are cut by key head.
  std::vector<PagedUnit> units;

  /// Whether units are so few that their chunks are handed out singly. Never those of tiles, whose
  /// rows go on from one chunk to the next.
  bool in_chunks = false;

  /// That of the thread's last problem, cut again where this one is another: the layers of a model
  /// look at the same keys. Holds until the thread's next call.
  static const PagedPlan& of(const PagedProblem& problem);
};

}  // namespace bantam::cpu
