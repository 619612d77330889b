// What `bench model` and `bench train` share: rows of a table, and of the run's record.
#pragma once

#include <string>

#include "bantam/cli/session.h"
#include "bantam/recipe/bench/bench_row.h"

namespace bantam {

/// "1,234", "61.2", "0.83": three digits that count.
std::string figure_text(double value);
/// "41 %".
std::string percent_text(double share);
void record_bench_row(Session& session, const BenchRow& row, const Json& json);

}  // namespace bantam
