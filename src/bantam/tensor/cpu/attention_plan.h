// How attention is cut into pieces of work: neighbouring queries that look at about the same keys
// share a block, so that keys and values loaded once serve all of its rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bantam/tensor/visibility.h"

namespace bantam::cpu {

/// Keys a tile of scores covers.
constexpr std::int32_t kKeyTile = 64;

/// Rounding a row costs what many of its products save: with 64 keys a query there is no gain
/// (measured), with 80 there is.
inline bool rounding_pays(const Visibility& visibility) {
  std::int64_t pairs = 0;
  for (const KeyRange& range : visibility.ranges) pairs += range.end - range.begin;
  return visibility.queries() >= 64 && pairs >= 80 * visibility.queries();
}

struct QueryBlock {
  std::int32_t begin = 0, end = 0;  ///< queries
  std::vector<KeyRange> keys;       ///< what any of them sees: disjoint, ascending
};

/// Blocks of at most `most` queries, in order; queries that see nothing are left out. A block ends
/// where the visible keys jump: at the border of packed sequences.
std::vector<QueryBlock> query_blocks(const Visibility& visibility, std::int32_t most);

/// Calls f(begin, end) for the parts of [begin, end) that `query` sees.
template <class F>
void for_each_visible(const Visibility& visibility, std::int32_t query, std::int32_t begin,
                      std::int32_t end, F f) {
  const auto first = visibility.ranges.begin() + visibility.first[query];
  const auto last = visibility.ranges.begin() + visibility.first[query + 1];
  auto range =
      std::partition_point(first, last, [&](const KeyRange& other) { return other.end <= begin; });
  for (; range != last && range->begin < end; ++range) {
    const std::int32_t from = std::max(begin, range->begin), to = std::min(end, range->end);
    if (from < to) f(from, to);
  }
}

/// Calls f(begin, end) for the block's keys in [begin, end), tile by tile: each lies between two
/// multiples of kKeyTile.
template <class F>
void for_each_key_tile(const QueryBlock& block, std::int32_t begin, std::int32_t end, F f) {
  for (const KeyRange& range : block.keys) {
    const std::int32_t from = std::max(begin, range.begin), to = std::min(end, range.end);
    for (std::int32_t tile = from, next = from; tile < to; tile = next) {
      next = std::min((tile / kKeyTile + 1) * kKeyTile, to);
      f(tile, next);
    }
  }
}

}  // namespace bantam::cpu
