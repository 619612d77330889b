#include "bantam/cli/run_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "bantam/base/options.h"

namespace bantam {

std::string time_text(double seconds_since_1970) {
  const auto time = static_cast<std::time_t>(seconds_since_1970);
  std::tm local{};
  ::localtime_r(&time, &local);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min);
}

std::string duration_text(const RunRecord& run) {
  if (run.ended > 0) return format_duration(std::max(run.ended - run.started, 0.0));
  if (run.status != "running") return "";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return format_duration(std::max(std::chrono::duration<double>(now).count() - run.started, 0.0));
}

std::string metric_text(std::optional<double> value) {
  if (!value) return "";
  const double size = std::abs(*value);
  if (*value == std::round(*value) && size < 1e15) {
    return with_commas(static_cast<std::int64_t>(*value));
  }
  return size >= 0.001 && size < 1e6 ? fmt::format("{:.4g}", *value)
                                     : fmt::format("{:.3e}", *value);
}

std::vector<MetricSummary> summarize_metrics(const std::vector<MetricRecord>& metrics) {
  std::vector<MetricSummary> out;
  for (const MetricRecord& metric : metrics) {
    auto summary = std::find_if(out.begin(), out.end(),
                                [&](const MetricSummary& s) { return s.name == metric.name; });
    if (summary == out.end()) summary = out.insert(out.end(), {metric.name, {}, {}, {}, {}});
    summary->points.push_back(metric);
    summary->last = metric.value;
    if (!metric.value) continue;
    summary->lowest = std::min(summary->lowest.value_or(*metric.value), *metric.value);
    summary->highest = std::max(summary->highest.value_or(*metric.value), *metric.value);
  }
  return out;
}

Json run_json(const RunRecord& run) {
  return Json{{"id", run.id},           {"command", run.command}, {"name", run.name},
              {"status", run.status},   {"version", run.version}, {"device", run.device},
              {"started", run.started}, {"ended", run.ended},     {"seed", run.seed},
              {"parent", run.parent},   {"config", run.config}};
}

}  // namespace bantam
