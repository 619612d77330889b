#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/input_lines.h"
#include "bantam/cli/predict_task.h"
#include "bantam/cli/session.h"

namespace bantam {

namespace {

constexpr std::size_t kMostNamed = 5;

class Predict final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const PredictTaskEntry& entry = predict_tasks().find(session.arguments().front());
    if (options_.model.empty()) {
      throw usage_error(
          "predict: -m names the model that predicts, such as a folder that "
          "`bantam train` wrote");
    }
    const auto& out = session.shared().out;
    if (out && *out != "-") require_fresh_output(*out, session.shared().force, inputs());
    const PredictItems items = read_items(session, entry);
    const auto task = entry.make(options_);
    for (const std::string& warning : task->model().warnings) session.progress().note(warning);
    note_truncated(
        session, *task,
        task->predict(items, items.rows.empty() ? silent_progress() : session.progress()));
    if (out || !options_.data.empty() || session.json()) {
      write(session, *task, items);
    } else {
      task->show(session, items);
    }
    if (const std::string text = task->verdict(items); !text.empty()) session.progress().note(text);
    return 0;
  }

 private:
  std::vector<Path> inputs() const {
    std::vector<Path> paths;
    for (const std::string& text : options_.data) paths.emplace_back(parse_data_ref(text).path);
    return paths;
  }

  PredictItems read_items(Session& session, const PredictTaskEntry& entry) const {
    const auto texts = std::span(session.arguments()).subspan(1);
    if (texts.empty() == options_.data.empty()) {
      throw usage_error("predict: expected TEXT or --data, found {}",
                        texts.empty() ? "neither" : "both");
    }
    PredictItems items;
    for (const std::string& text : texts) {
      items.texts.push_back({text == "-" ? InputLines().rest() : text, ""});
    }
    if (!options_.data.empty()) items.rows = read_data(session, options_.data, options_.read);
    for (const Row& row : items.rows) items.texts.push_back(text_of(row));
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      make_pair(items.texts[i], entry,
                items.rows.empty() ? fmt::format("text {}", i + 1) : where_is(items.rows[i]));
    }
    return items;
  }

  static TextToLabel text_of(const Row& row) {
    if (row.text.empty()) return {input_of(row), ""};
    return {row.text, row.text_pair};
  }

  // Puts --query in front, and refuses what the task cannot read.
  void make_pair(TextToLabel& text, const PredictTaskEntry& entry, const std::string& where) const {
    if (!options_.query.empty()) {
      if (!text.pair.empty()) {
        throw usage_error("{}: a pair of texts; --query would make it three", where);
      }
      text.pair = std::exchange(text.text, options_.query);
    }
    if (entry.needs_pairs && text.pair.empty()) {
      throw input_error(
          "{}: expected a pair of texts: rows with text and text_pair, or --query with TEXT",
          where);
    }
    if (!entry.takes_pairs && !text.pair.empty()) {
      throw input_error("{}: expected one text, found a pair", where);
    }
  }

  static void note_truncated(Session& session, const PredictTask& task,
                             const std::vector<std::size_t>& truncated) {
    if (truncated.empty()) return;
    std::string numbers;
    for (std::size_t i = 0; i < std::min(kMostNamed, truncated.size()); ++i) {
      numbers += fmt::format("{}{}", i == 0 ? "" : ", ", truncated[i] + 1);
    }
    session.progress().note(
        fmt::format("{} texts are longer than {} tokens and were read up to there: number {}{}",
                    truncated.size(), task.model().longest, numbers,
                    truncated.size() > kMostNamed ? ", …" : ""));
  }

  // Rows as they came, or texts, each with what was predicted: a JSON object a line.
  static void write(Session& session, const PredictTask& task, const PredictItems& items) {
    const auto& out = session.shared().out;
    std::optional<AtomicFile> file;
    if (out && *out != "-") file.emplace(*out);
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      Json row = items.rows.empty() ? json_of(items.texts[i]) : row_to_json(items.rows[i]);
      task.add_to(row, i);
      const std::string line = dump_json(row) + "\n";
      file ? file->write(line) : session.print(line);
    }
    if (file) file->commit();
  }

  static Json json_of(const TextToLabel& text) {
    Json json{{"text", text.text}};
    if (!text.pair.empty()) json["text_pair"] = text.pair;
    return json;
  }

  PredictOptions options_;
};

std::string details() {
  std::string tasks;
  for (const auto& entry : predict_tasks().entries) {
    tasks += fmt::format("  {:<15}{}\n", entry.name, entry.help);
  }
  return fmt::format(
      "Tasks:\n{}\n"
      "The model is an encoder with a head that fits the task, such as `bantam train` writes or "
      "transformers' AutoModelForSequenceClassification and AutoModelForTokenClassification. Texts "
      "of the command line are answered with a table; rows of --data, --json and --out with a JSON "
      "object a line: the row and what was predicted.\n\n"
      "classify gives `scores`, the probability of each label, and `prediction`: the likeliest "
      "where labels exclude each other; the list of those above --threshold where each applies or "
      "not (problem_type multi_label_classification).\n\n"
      "score gives `prediction`, the output of the head as it is: the value of a regression; of a "
      "reranker (a cross-encoder) a logit, higher for better pairs, whose sigmoid "
      "sentence-transformers shows.\n\n"
      "tag gives `spans`, each with text, label, score, and start and end in characters. Rows that "
      "have spans or tags of their own keep them and get `prediction` in the same form.\n\n"
      "Where rows have answers, how good the predictions are is noted: accuracy and macro-F1, "
      "micro-F1 of labels, Spearman's correlation with the field `score` and RMSE, accuracy of "
      "words and F1 of exact entities.",
      tasks);
}

}  // namespace

Command predict_command() {
  return {.name = "predict",
          .group = CommandGroup::use_model,
          .summary = "Label, score or tag texts or rows with a trained model.",
          .details = details(),
          .arguments = {{.name = "TASK", .help = "classify, pair-classify, score or tag."},
                        {.name = "TEXT",
                         .help = "A text; - reads standard input.",
                         .least = 0,
                         .most = Argument::kAny}},
          .examples = {{"bantam predict classify -m intents 'play some jazz' 'will it rain?'",
                        "Labels of two texts."},
                       {"bantam predict classify -m intents --data rows.jsonl -o labelled.jsonl",
                        "Labels of many rows."},
                       {"bantam predict score -m reranker --query 'how tall is the tower' 'It is "
                        "330 m high.' 'It was built in 1889.'",
                        "How well two texts answer a query."},
                       {"bantam predict tag -m names 'Ada Moss lives in Paris.'",
                        "The entities of a text."}},
          .shared = {"out", "force"},
          .body = [] { return std::make_unique<Predict>(); }};
}

}  // namespace bantam
