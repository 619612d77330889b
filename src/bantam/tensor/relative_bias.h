// What attention adds to a score for how far the key stands from its query: a learned number a
// bucket of distances (T5, arXiv:1910.10683, section 2.1), or one that the query or the key gives
// each bucket (DeBERTa, arXiv:2006.03654, section 3.1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// score[t, h, s] = scale * q·k + by_query[t, h, b] + by_key[s, h, b], where b is the bucket of
/// key_positions[s] - query_positions[t]. Memory grows with T * B and S * B, never with T * S.
struct RelativeBias {
  Tensor by_query;  ///< [T, H, B]; [1, H, B]: the same for all queries; or undefined
  Tensor by_key;    ///< [S, H, B]; [1, H, B]: the same for all keys; or undefined
  /// Of the distances least_distance, least_distance + 1, …; those beyond either end have the
  /// bucket of that end. All below B.
  std::vector<std::int32_t> buckets;
  std::int32_t least_distance = 0;
  /// [T] and [S]. Not read over pages: there the keys that a query sees end with the query itself.
  std::vector<std::int32_t> query_positions, key_positions;

  bool present() const { return by_query.defined() || by_key.defined(); }
  std::int32_t bucket(std::int32_t distance) const {
    const auto last = static_cast<std::int32_t>(buckets.size()) - 1;
    return buckets[static_cast<std::size_t>(std::clamp(distance - least_distance, 0, last))];
  }
};

}  // namespace bantam
