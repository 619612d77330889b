#include "bantam/cli/commands.h"
#include "bantam/cli/data_options.h"
#include "bantam/cli/session.h"
#include "bantam/cli/summary_text.h"
#include "bantam/data/format.h"
#include "bantam/data/split.h"
#include "bantam/model/load_model.h"

namespace bantam {

namespace {

struct DataCheckOptions {
  DataOptions data;
  std::string model;
  std::int64_t max_tokens = 0;
  std::string too_long = "truncate";
};

}  // namespace

template <>
void describe(Describer<DataCheckOptions>& d) {
  d.nested(&DataCheckOptions::data);
  d(&DataCheckOptions::model, "model",
    "Also tokenize for this model: lengths, targets, rows that are too long.");
  d(&DataCheckOptions::max_tokens, "max_tokens", "Longest example; 0 sets no limit.",
    at_least<std::int64_t>(0));
  d(&DataCheckOptions::too_long, "too_long", "What happens to longer ones.",
    OneOf{{"truncate", "split", "drop"}});
}

namespace {

class DataCheck final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const Dataset data = read_data(session, session.arguments(), options_.data);
    const DatasetSummary summary = summarize(data);
    const Overlap overlap = find_overlap(data.of_split("train"), data.of_split("test"));
    std::optional<FormatReport> report;
    if (!options_.model.empty()) report = format_for_model(data);
    if (session.json()) {
      Json out = summary_json(summary);
      out["sha256"] = data.content_hash();
      out["train_test_overlap"] = {{"count", overlap.count}, {"first", overlap.first}};
      if (report) out["format"] = format_report_json(*report);
      session.result(out);
      return 0;
    }
    print_summary(session, summary);
    if (overlap.count > 0) {
      session.print("\nwarning: {} test rows have an input that train rows have too (first: {})\n",
                    with_commas(overlap.count), overlap.first[0]);
    }
    if (report) print_format_report(session, *report);
    return 0;
  }

 private:
  FormatReport format_for_model(const Dataset& data) const {
    LoadedModel loaded = load_model(options_.model, {.check_weights = false});
    FormatOptions format;
    format.max_tokens = options_.max_tokens;
    format.too_long = too_long_of(options_.too_long);
    format.chat_template = loaded.chat_template;
    FormatReport report;
    Formatter(loaded.tokenizer, std::move(format)).format(data, report);
    return report;
  }

  DataCheckOptions options_;
};

}  // namespace

Command data_check_command() {
  return {.name = "data check",
          .group = CommandGroup::make_data,
          .summary = "Validate rows and say what they are: classes, lengths, duplicates, leaks.",
          .details =
              "The first row that cannot be used is named by file, line, column and field, with "
              "exit code 3.",
          .arguments = {{.name = "DATA",
                         .help = "Files, folders or '-': [NAME=]PATH[#SPLIT].",
                         .most = Argument::kAny}},
          .examples = {{"bantam data check rows.jsonl", ""},
                       {"bantam data check rows.csv --map utterance=text,intent=label",
                        "Other names of columns."}},
          .body = [] { return std::make_unique<DataCheck>(); }};
}

}  // namespace bantam
