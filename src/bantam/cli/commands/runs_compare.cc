#include <algorithm>

#include "bantam/cli/run_text.h"
#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"

namespace bantam {

namespace {

struct Compared {
  RunRecord run;
  std::vector<MetricSummary> metrics;

  std::string config(const std::string& key) const {
    return run.config.contains(key) ? options_detail::show(run.config.at(key)) : "";
  }
  std::string metric(const std::string& name) const {
    for (const MetricSummary& one : metrics) {
      if (one.name == name) return metric_text(one.last);
    }
    return "";
  }
};

void add_name(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

class RunsCompare final : public CommandBody {
 public:
  int run(Session& session) override {
    const auto store = RunStore::open(home_folder());
    std::vector<Compared> runs;
    for (const std::string& id : session.arguments()) {
      RunRecord run = store->get(id);
      auto metrics = summarize_metrics(store->metrics(run.id));
      runs.push_back({std::move(run), std::move(metrics)});
    }
    std::vector<std::string> keys, names;
    for (const Compared& one : runs) {
      for (const auto& [key, value] : one.run.config.items()) add_name(keys, key);
      for (const MetricSummary& metric : one.metrics) add_name(names, metric.name);
    }
    std::erase_if(keys, [&](const std::string& key) {
      return std::all_of(runs.begin(), runs.end(), [&](const Compared& one) {
        return one.config(key) == runs[0].config(key);
      });
    });
    session.json() ? session.result(as_json(runs, keys)) : print(session, runs, keys, names);
    return 0;
  }

 private:
  static Json as_json(const std::vector<Compared>& runs, const std::vector<std::string>& keys) {
    Json out = Json::array();
    for (const Compared& one : runs) {
      Json differs = Json::object(), metrics = Json::object();
      for (const std::string& key : keys) {
        differs[key] = one.run.config.contains(key) ? one.run.config.at(key) : Json();
      }
      for (const MetricSummary& metric : one.metrics) {
        metrics[metric.name] = metric.last ? Json(*metric.last) : Json();
      }
      out.push_back({{"id", one.run.id}, {"config", differs}, {"metrics", metrics}});
    }
    return out;
  }

  static void print(Session& session, const std::vector<Compared>& runs,
                    const std::vector<std::string>& keys, const std::vector<std::string>& names) {
    std::vector<std::string> header = {""};
    for (const Compared& one : runs) header.push_back(">" + one.run.id);
    Table table(header);
    const auto add = [&](const std::string& name, auto&& cell) {
      std::vector<std::string> row = {name};
      for (const Compared& one : runs) row.push_back(cell(one));
      table.add(std::move(row));
    };
    add("status", [](const Compared& one) { return one.run.status; });
    add("took", [](const Compared& one) { return duration_text(one.run); });
    if (!keys.empty()) table.add_rule();
    for (const std::string& key : keys)
      add(key, [&](const Compared& one) { return one.config(key); });
    if (!names.empty()) table.add_rule();
    for (const std::string& name : names)
      add(name, [&](const Compared& one) { return one.metric(name); });
    session.print(table);
    if (keys.empty()) session.print("\nThe configurations are equal.\n");
  }
};

}  // namespace

Command runs_compare_command() {
  return {.name = "runs compare",
          .summary = "Set runs side by side: where they differ and how they ended.",
          .arguments = {{"RUN", "Ids, or beginnings of ids.", 2, Argument::kAny}},
          .examples = {{"bantam runs compare 20261124-2315 20261124-2340", ""}},
          .body = [] { return std::make_unique<RunsCompare>(); }};
}

}  // namespace bantam
