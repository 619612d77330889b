// Disentangled attention (DeBERTa, arXiv:2006.03654, section 3.1): scores gain what the query makes
// of the distance to the key, and the key of the distance to the query. A table holds a vector for
// each bucket of distances, which all layers share.
#pragma once

#include <cstdint>
#include <vector>

namespace bantam {

struct DisentangledPart {
  std::int64_t max_distance = 0;  ///< 0: attention is ordinary
  /// Distances up to half of it have a bucket each, farther ones share buckets that widen with the
  /// logarithm (arXiv:2111.09543's models); 0: each distance has its own.
  std::int64_t buckets = 0;
  bool by_query = true, by_key = true;  ///< which of the two sums a score gains ("c2p", "p2c")
  /// The table goes through the projections of queries and keys; else through ones of its own.
  bool shares_projections = true;
  bool normalizes_table = true;

  /// Half of the table's rows: one half for keys in front of the query, one for those behind.
  std::int64_t span() const { return buckets > 0 ? buckets : max_distance; }
  /// Rows of the table by distance from query to key, from -max_distance on.
  std::vector<std::int32_t> rows() const;
};

}  // namespace bantam
