// One line of a benchmark's table: what was reached, what the machine allows, the share between.
#pragma once

#include <string>

#include "bantam/base/json.h"
#include "bantam/recipe/bench/model_cost.h"
#include "bantam/recipe/bench/spread.h"

namespace bantam {

struct BenchRow {
  std::string kind;  ///< for programs: "decode"
  std::string work;  ///< for people: "decode 128 tokens after 2,048"
  std::string unit;  ///< "tok/s" or "ms"
  Spread value;
  double bound = 0;  ///< in the same unit
  std::string bound_by;
  double share = 0;  ///< of the bound that was reached; 1 is all of it
  Json facts;        ///< counts that `work` names: {"tokens": 128, "depth": 2048}
};

/// `tokens` in each of `seconds`, against the least time that `work` takes.
BenchRow rate_row(std::string kind, std::string work_text, double tokens, const Spread& seconds,
                  const Bound& bound, Json facts);
/// A time in milliseconds.
BenchRow time_row(std::string kind, std::string work_text, const Spread& seconds,
                  const Bound& bound, Json facts);

Json bench_row_json(const BenchRow& row);

}  // namespace bantam
