// How the output of a product is cut over threads: the same whatever their number.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bantam/base/threads.h"

namespace bantam::cpu {

struct OutputTile {
  std::int64_t row, rows, column, columns;
};

/// Cuts an extent into nearly equal tiles of at most about `most`, a multiple of `unit` each but
/// the last.
inline std::int64_t tile_size(std::int64_t extent, std::int64_t most, std::int64_t unit) {
  const std::int64_t tiles = (extent + most - 1) / most;
  const std::int64_t even = (extent + tiles - 1) / tiles;
  return (even + unit - 1) / unit * unit;
}

/// True when a product [m, k] x [k, n] adds nothing to c; c is then as it has to be.
inline bool is_empty_product(std::int64_t m, std::int64_t n, std::int64_t k, float* c,
                             std::int64_t c_stride, bool accumulate) {
  if (m == 0 || n == 0) return true;
  if (k > 0) return false;
  for (std::int64_t i = 0; i < m && !accumulate; ++i) std::fill_n(c + i * c_stride, n, 0.0f);
  return true;
}

/// body(OutputTile) for every tile of an output [m, n], on the team. Tiles begin at multiples of
/// `row_unit` and `column_unit`.
template <class Body>
void for_each_tile(std::int64_t m, std::int64_t row_unit, std::int64_t n, std::int64_t column_unit,
                   const Body& body) {
  constexpr std::int64_t kRows = 192, kColumns = 384;
  // Half of a narrow output, so that two threads have work.
  const auto most_columns = std::clamp<std::int64_t>(n / 2, 64, kColumns);
  const std::int64_t rows = tile_size(m, kRows, row_unit);
  const std::int64_t columns = tile_size(n, most_columns, column_unit);
  const std::int64_t row_tiles = (m + rows - 1) / rows;
  const std::int64_t column_tiles = (n + columns - 1) / columns;
  parallel_for(row_tiles * column_tiles, 1, [&](std::int64_t number, std::int64_t) {
    const std::int64_t row = number % row_tiles * rows, column = number / row_tiles * columns;
    body(OutputTile{row, std::min(rows, m - row), column, std::min(columns, n - column)});
  });
}

}  // namespace bantam::cpu
