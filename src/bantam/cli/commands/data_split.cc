#include "bantam/cli/commands.h"
#include "bantam/cli/data_options.h"
#include "bantam/cli/session.h"
#include "bantam/cli/split_output.h"
#include "bantam/data/data_ref.h"
#include "bantam/data/split.h"

namespace bantam {

namespace {

struct DataSplitOptions {
  DataOptions data;
  double dev = 0.1, test = 0.2;
  bool no_stratify = false;
};

}  // namespace

template <>
void describe(Describer<DataSplitOptions>& d) {
  d.nested(&DataSplitOptions::data);
  d(&DataSplitOptions::dev, "dev", "Share of rows for choosing the best checkpoint.",
    between(0.0, 1.0));
  d(&DataSplitOptions::test, "test", "Share of rows for measuring at the end.", between(0.0, 1.0));
  d(&DataSplitOptions::no_stratify, "no_stratify", "Do not keep the proportions of the classes.");
}

namespace {

class DataSplit final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const std::string out = session.shared().out.value_or("");
    if (out.empty())
      throw usage_error("data split: expected a folder for the files, such as -o split/");
    const Dataset data = read_data(session, session.arguments(), options_.data);
    const Splits splits =
        split_dataset(data, {.dev = options_.dev,
                             .test = options_.test,
                             .seed = static_cast<std::uint64_t>(session.shared().seed),
                             .stratify = !options_.no_stratify});
    std::vector<Path> inputs;
    for (const std::string& text : session.arguments()) {
      inputs.emplace_back(parse_data_ref(text).path);
    }
    write_splits(session, splits, out, inputs);
    return 0;
  }

 private:
  DataSplitOptions options_;
};

}  // namespace

Command data_split_command() {
  return {.name = "data split",
          .group = CommandGroup::make_data,
          .summary = "Split rows into train, dev and test without leaks.",
          .details =
              "Rows of one group, and rows with the same input, stay on one side. Rows that name "
              "their split keep it.",
          .arguments = {{.name = "DATA",
                         .help = "Files, folders or '-': [NAME=]PATH.",
                         .most = Argument::kAny}},
          .examples = {{"bantam data split rows.jsonl --by source_package -o split", ""}},
          .shared = {"out", "seed", "force"},
          .body = [] { return std::make_unique<DataSplit>(); }};
}

}  // namespace bantam
