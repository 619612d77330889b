// How runs look: times, figures and the last value of each metric. Shared by the three `runs`
// commands.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bantam/base/run_store.h"

namespace bantam {

/// "2026-11-24 23:15" in local time.
std::string time_text(double seconds_since_1970);
/// How long it took, or has been going.
std::string duration_text(const RunRecord& run);
/// Four digits; "" when there is no value (it was not finite).
std::string metric_text(std::optional<double> value);

struct MetricSummary {
  std::string name;
  std::vector<MetricRecord> points;  ///< in order of steps
  std::optional<double> last, lowest, highest;
};
std::vector<MetricSummary> summarize_metrics(const std::vector<MetricRecord>& metrics);

Json run_json(const RunRecord& run);

}  // namespace bantam
