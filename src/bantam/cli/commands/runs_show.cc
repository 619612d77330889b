#include "bantam/cli/chart.h"
#include "bantam/cli/run_text.h"
#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"

namespace bantam {

namespace {

struct RunsShowOptions {
  std::vector<std::string> metric;
  int rows = 0;
};

}  // namespace

template <>
void describe(Describer<RunsShowOptions>& d) {
  d(&RunsShowOptions::metric, "metric",
    "Draw these metrics; those with at least three values when unset.");
  d(&RunsShowOptions::rows, "rows", "Also print this many recorded rows as JSON.", at_least(0));
}

namespace {

constexpr std::size_t kChartsAtMost = 4;

class RunsShow final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const auto store = RunStore::open(home_folder());
    const RunRecord run = store->get(session.arguments()[0]);
    const auto metrics = summarize_metrics(store->metrics(run.id));
    const auto files = store->files(run.id);
    if (session.json()) {
      session.result(as_json(run, metrics, files, store->rows(run.id)));
      return 0;
    }
    print_head(session, run);
    print_config_of(session, run);
    print_charts(session, metrics);
    print_metrics(session, metrics);
    print_files(session, files);
    print_rows(session, store->rows(run.id));
    return 0;
  }

 private:
  static Json as_json(const RunRecord& run, const std::vector<MetricSummary>& metrics,
                      const std::vector<FileRecord>& files, const std::vector<Json>& rows) {
    Json out = run_json(run);
    out["metrics"] = Json::object();
    for (const MetricSummary& metric : metrics) {
      Json& points = out["metrics"][metric.name] = Json::array();
      for (const MetricRecord& p : metric.points) {
        points.push_back(
            {{"step", p.step}, {"time", p.time}, {"value", p.value ? Json(*p.value) : Json()}});
      }
    }
    out["files"] = Json::array();
    for (const FileRecord& f : files) {
      out["files"].push_back({{"path", f.path}, {"sha256", f.sha256}, {"kind", f.kind}});
    }
    out["rows"] = rows;
    return out;
  }

  static void print_head(Session& session, const RunRecord& run) {
    session.print("{}  bantam {}, {}\n", bold(run.id, session.color()), run.command, run.status);
    session.print("{}{}{}; bantam {}; {}; seed {}\n", time_text(run.started),
                  run.ended > 0 ? ", took " : "", duration_text(run), run.version, run.device,
                  run.seed);
    if (!run.name.empty()) session.print("named {}\n", run.name);
    if (!run.parent.empty()) session.print("continues {}\n", run.parent);
  }

  static void print_config_of(Session& session, const RunRecord& run) {
    if (run.config.empty()) return;
    session.print("\n{}\n", bold("Configuration", session.color()));
    for (const auto& [key, value] : run.config.items()) {
      const std::string text = options_detail::show(value);
      if (!text.empty()) session.print("  {:<24} {}\n", key, text);
    }
  }

  bool wanted(const MetricSummary& metric) const {
    if (options_.metric.empty()) return metric.points.size() >= 3;
    return std::find(options_.metric.begin(), options_.metric.end(), metric.name) !=
           options_.metric.end();
  }

  void print_charts(Session& session, const std::vector<MetricSummary>& metrics) const {
    std::vector<std::string> names;
    for (const MetricSummary& metric : metrics) names.push_back(metric.name);
    for (const std::string& name : options_.metric) {
      if (std::find(names.begin(), names.end(), name) == names.end())
        throw_unknown_name("metric", name, names);
    }
    std::size_t drawn = 0;
    for (const MetricSummary& metric : metrics) {
      if (!wanted(metric) || (options_.metric.empty() && drawn == kChartsAtMost)) continue;
      ++drawn;
      std::vector<std::pair<double, double>> points;
      for (const MetricRecord& p : metric.points) {
        if (p.value) points.emplace_back(static_cast<double>(p.step), *p.value);
      }
      session.print("\n{} by step\n", bold(metric.name, session.color()));
      session.print(line_chart(points, std::min(session.width(), 80), 8, wants_unicode()));
    }
  }

  static void print_metrics(Session& session, const std::vector<MetricSummary>& metrics) {
    if (metrics.empty()) return;
    session.print("\n");
    Table table({"metric", ">values", ">last", ">lowest", ">highest"});
    for (const MetricSummary& metric : metrics) {
      table.add({metric.name, std::to_string(metric.points.size()), metric_text(metric.last),
                 metric_text(metric.lowest), metric_text(metric.highest)});
    }
    session.print(table);
  }

  static void print_files(Session& session, const std::vector<FileRecord>& files) {
    if (files.empty()) return;
    session.print("\n");
    Table table({"file", "kind", "sha256"});
    for (const FileRecord& file : files)
      table.add({file.path, file.kind, file.sha256.substr(0, 16)});
    session.print(table);
  }

  void print_rows(Session& session, const std::vector<Json>& rows) const {
    const auto count = std::min(rows.size(), static_cast<std::size_t>(options_.rows));
    if (count > 0) session.print("\n");
    for (std::size_t i = 0; i < count; ++i) session.print("{}\n", dump_json(rows[i]));
  }

  RunsShowOptions options_;
};

}  // namespace

Command runs_show_command() {
  return {.name = "runs show",
          .summary = "Show one run: configuration, curves, metrics, files.",
          .arguments = {{"RUN", "Its id, or the beginning of it."}},
          .examples = {{"bantam runs show 20261124-2315-tune-3f2a", ""},
                       {"bantam runs show 20261124 --metric loss", "One curve."}},
          .body = [] { return std::make_unique<RunsShow>(); }};
}

}  // namespace bantam
