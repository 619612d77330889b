#include "bantam/cli/commands.h"
#include "bantam/cli/data_options.h"
#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"
#include "bantam/data/format.h"
#include "bantam/model/load_model.h"

namespace bantam {

namespace {

struct DataShowOptions {
  DataOptions data;
  std::string model;
  int limit = 5;
  std::string prompt = TaskTemplate{}.prompt;
};

}  // namespace

template <>
void describe(Describer<DataShowOptions>& d) {
  d.nested(&DataShowOptions::data);
  d(&DataShowOptions::model, "model",
    "Show the tokens of this model too, those that are trained in colour (or in [ ]).");
  d(&DataShowOptions::limit, "limit", "Rows to show; 0 shows all.", at_least(0));
  d(&DataShowOptions::prompt, "prompt", "How a labelled row is put to the model.");
}

namespace {

/// Trained tokens stand out: green on a terminal, in brackets elsewhere; token borders are thin
/// bars.
std::string token_text(const Tokenizer& tokenizer, const Example& example, bool color) {
  std::string text;
  for (std::size_t i = 0; i < example.ids.size(); ++i) {
    const std::string token = escaped(tokenizer.token_bytes(example.ids[i]), 60);
    const bool trained = example.weights[i] != 0;
    if (color) {
      text += trained ? "\x1b[30;42m" + token + "\x1b[0m" : token;
    } else {
      text += trained ? "[" + token + "]" : token;
    }
    if (i + 1 < example.ids.size()) text += color ? "\x1b[2m|\x1b[0m" : "|";
  }
  return text;
}

class DataShow final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const Dataset data = read_data(session, session.arguments(), options_.data);
    const std::optional<Formatter> formatter = make_formatter();
    const std::size_t count = options_.limit == 0
                                  ? data.size()
                                  : std::min(data.size(), static_cast<std::size_t>(options_.limit));
    for (std::size_t i = 0; i < count; ++i) show(session, data[i], formatter);
    if (!session.json() && count < data.size()) {
      session.print("{} more rows (--limit 0 shows all)\n",
                    with_commas(static_cast<std::int64_t>(data.size() - count)));
    }
    return 0;
  }

 private:
  std::optional<Formatter> make_formatter() const {
    if (options_.model.empty()) return std::nullopt;
    LoadedModel loaded = load_model(options_.model, {.check_weights = false});
    FormatOptions format;
    format.task.prompt = options_.prompt;
    format.chat_template = loaded.chat_template;
    return Formatter(loaded.tokenizer, std::move(format));
  }

  static void show(Session& session, const Row& row, const std::optional<Formatter>& formatter) {
    FormatReport report;
    std::vector<Example> examples;
    if (formatter) examples = formatter->format(row, report);
    if (session.json()) {
      Json out = row_to_json(row);
      for (const Example& example : examples)
        out["tokens"].push_back({{"ids", example.ids}, {"weights", example.weights}});
      session.event(out);
      return;
    }
    session.print("{}  {}, id {}\n", bold(where_is(row), session.color()), name_of(row.kind),
                  row.id);
    session.print("{}\n", dump_json(row_to_json(row)));
    for (const Example& example : examples) {
      session.print("{}\n", token_text(formatter->tokenizer(), example, session.color()));
    }
    if (formatter && examples.empty()) session.print("(no target: not trained on)\n");
    session.print("\n");
  }

  DataShowOptions options_;
};

}  // namespace

Command data_show_command() {
  return {.name = "data show",
          .group = CommandGroup::make_data,
          .summary = "Show rows as they are read, and the tokens a model is trained on.",
          .arguments = {{.name = "DATA",
                         .help = "Files, folders or '-': [NAME=]PATH[#SPLIT].",
                         .most = Argument::kAny}},
          .examples = {{"bantam data show rows.jsonl --limit 3", ""},
                       {"bantam data show chat.jsonl -m smollm2-135m-instruct",
                        "Which tokens are targets."}},
          .body = [] { return std::make_unique<DataShow>(); }};
}

}  // namespace bantam
