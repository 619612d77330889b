#include "bantam/cli/run_text.h"
#include "bantam/cli/session.h"

namespace bantam {

namespace {

struct RunsListOptions {
  int limit = 20;
};

}  // namespace

template <>
void describe(Describer<RunsListOptions>& d) {
  d(&RunsListOptions::limit, "limit", "Show this many, newest first.", at_least(1));
}

namespace {

class RunsList final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const auto store = RunStore::open(home_folder());
    if (!store->warning().empty()) session.progress().note("warning: " + store->warning());
    const std::vector<RunRecord> runs = store->list(options_.limit);
    if (session.json()) {
      Json out = Json::array();
      for (const RunRecord& run : runs) out.push_back(run_json(run));
      session.result(out);
      return 0;
    }
    if (runs.empty()) {
      session.print("No runs yet in {}.\n", home_folder().string());
      return 0;
    }
    Table table({"id", "command", "name", "status", "started", ">took"});
    for (const RunRecord& run : runs) {
      table.add(
          {run.id, run.command, run.name, run.status, time_text(run.started), duration_text(run)});
    }
    session.print(table);
    return 0;
  }

 private:
  RunsListOptions options_;
};

}  // namespace

Command runs_list_command() {
  return {.name = "runs list",
          .summary = "List recorded runs, newest first.",
          .examples = {{"bantam runs list --limit 5", ""}},
          .body = [] { return std::make_unique<RunsList>(); }};
}

}  // namespace bantam
