// The stored answers of scikit-learn and SciPy that the tests of this room compare with.
#pragma once

#include <string>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {

inline const Json& stats_golden() {
  static const Json golden =
      parse_json(read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/stats.json"));
  return golden;
}

/// Made by tools/golden/prediction_scores.py.
inline const Json& prediction_scores_golden() {
  static const Json golden =
      parse_json(read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/prediction_scores.json"));
  return golden;
}

}  // namespace bantam
