#include "bantam/stats/sparse.h"

#include "bantam/base/error.h"

namespace bantam {

SparseRows side_by_side(const SparseRows& a, const SparseRows& b) {
  if (a.row_count() != b.row_count()) {
    throw input_error("side_by_side: expected the same rows, found {} and {}", a.row_count(),
                      b.row_count());
  }
  SparseRows joined;
  joined.column_count = a.column_count + b.column_count;
  for (std::size_t row = 0; row < a.row_count(); ++row) {
    for (std::size_t i = a.starts[row]; i < a.starts[row + 1]; ++i)
      joined.append(a.columns[i], a.values[i]);
    for (std::size_t i = b.starts[row]; i < b.starts[row + 1]; ++i) {
      joined.append(a.column_count + b.columns[i], b.values[i]);
    }
    joined.end_row();
  }
  return joined;
}

}  // namespace bantam
