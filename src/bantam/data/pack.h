// Several examples in one row of fixed length, as segments that never see each other.
//
// First-fit decreasing (Johnson 1973): examples by falling length, each into the first row with
// room; at most 11/9 of the fewest possible rows. No document that fits into a row is ever split. A
// pure function of its input.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bantam/data/example.h"

namespace bantam {

struct PackOptions {
  std::int64_t row_length = 2048;  ///< tokens
};

struct PackedRow {
  std::vector<std::int32_t> ids;  ///< [n], n <= row_length
  std::vector<float> weights;     ///< [n]; 0 at the first token of every segment
  std::vector<std::int32_t>
      segment_lengths;  ///< sums to n; attention and positions begin anew at each segment
  std::vector<std::uint32_t> examples;  ///< which example each segment is
};

/// Rows in the order of their first example, segments in the order of their examples. Throws
/// Error(input) naming an example that is longer than a row (format.h shortens or splits those),
/// Error(usage) on a row length below 2.
std::vector<PackedRow> pack(std::span<const Example> examples, const PackOptions& options = {});

}  // namespace bantam
