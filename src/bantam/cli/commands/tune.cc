#include "bantam/recipe/tune/tune.h"

#include "bantam/cli/commands.h"
#include "bantam/cli/commands/tune_summary.h"
#include "bantam/cli/session.h"
#include "bantam/data/data_ref.h"

namespace bantam {

namespace {

struct TuneCommandOptions {
  TuneOptions tune;
  std::vector<std::string> map;
  int skip_bad = 0;
  bool resume = false;
};

}  // namespace

template <>
void describe(Describer<TuneCommandOptions>& d) {
  d.nested(&TuneCommandOptions::tune);
  d(&TuneCommandOptions::map, "map", "Rename fields while reading, such as instruction=prompt.");
  d(&TuneCommandOptions::skip_bad, "skip_bad", "Skip up to this many rows that cannot be read.",
    at_least(0));
  d(&TuneCommandOptions::resume, "resume", "Go on with the run that was interrupted in --out.");
}

namespace {

class Tune final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    validate(options_.tune);
    std::vector<DataRef> refs;
    for (const std::string& text : session.arguments()) refs.push_back(parse_data_ref(text));
    ReadOptions read;
    read.skip_bad = options_.skip_bad;
    for (const std::string& text : options_.map) read.row.map.push_back(parse_field_map(text));
    const Dataset rows = Dataset::open(refs, read);
    for (const std::string& text : rows.report().notes) session.progress().note(text);
    return run_tune(session, options_.tune, rows, options_.resume, "");
  }

 private:
  TuneCommandOptions options_;
};

}  // namespace

Command tune_command() {
  return {
      .name = "tune",
      .group = CommandGroup::make_model,
      .summary = "Make a model good at your task: measure, train, measure again, export, report.",
      .details =
          "Looks at the rows (labelled texts, prompt/completion pairs or conversations), splits "
          "them without leaks, "
          "measures the untuned model and honest baselines, trains within the time budget, "
          "measures again with "
          "intervals and a paired test, and leaves a folder with the tuned model in the forms that "
          "other programs "
          "read, and report.html.\n\n"
          "Every derived value is printed with the rule it came from; an interrupted run goes on "
          "with --resume.",
      .arguments = {{"DATA", "Rows: .jsonl, .json, .csv, .tsv, a folder with train/dev/test files.",
                     1, Argument::kAny}},
      .examples = {{"bantam tune tickets.csv -o tickets", "Learn the label column of a table."},
                   {"bantam tune chats.jsonl --budget 20m --export gguf",
                    "Twenty minutes on conversations."}},
      .shared = working_options(),
      .recorded = true,
      .body = [] { return std::make_unique<Tune>(); }};
}

}  // namespace bantam
