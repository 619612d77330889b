// Rows with few non-zero columns, in compressed form.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bantam {

/// Compressed sparse rows: row r holds entries [starts[r], starts[r + 1]), columns ascending within
/// a row.
struct SparseRows {
  std::uint32_t column_count = 0;
  std::vector<std::uint64_t> starts{0};
  std::vector<std::uint32_t> columns;
  std::vector<double> values;

  std::size_t row_count() const { return starts.size() - 1; }
  std::span<const std::uint32_t> columns_of(std::size_t row) const {
    return std::span(columns).subspan(starts[row], starts[row + 1] - starts[row]);
  }
  std::span<const double> values_of(std::size_t row) const {
    return std::span(values).subspan(starts[row], starts[row + 1] - starts[row]);
  }
  void append(std::uint32_t column, double value) {
    columns.push_back(column);
    values.push_back(value);
  }
  /// Closes the row that the appended entries belong to.
  void end_row() { starts.push_back(columns.size()); }
};

/// [rows, a | b]: the same rows seen through two sets of features. Throws Error(input) when the row
/// counts differ.
SparseRows side_by_side(const SparseRows& a, const SparseRows& b);

}  // namespace bantam
