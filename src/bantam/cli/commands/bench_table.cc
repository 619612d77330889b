#include "bantam/cli/commands/bench_table.h"

#include <cmath>

#include "bantam/base/error.h"

namespace bantam {

std::string figure_text(double value) {
  if (value >= 100) return with_commas(std::llround(value));
  return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string percent_text(double share) { return fmt::format("{:.0f} %", 100 * share); }

void record_bench_row(Session& session, const BenchRow& row, const Json& json) {
  Run* run = session.run();
  if (run == nullptr) return;
  run->log(0, row.work + ", " + row.unit, row.value.median);
  run->log(0, row.work + ", share of bound", row.share);
  run->add_row(json);
}

}  // namespace bantam
