#include <algorithm>
#include <array>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/data_options.h"
#include "bantam/cli/input_lines.h"
#include "bantam/cli/session.h"
#include "bantam/data/dataset.h"
#include "bantam/generate/text_classifier.h"
#include "bantam/stats/classification.h"

namespace bantam {

namespace {

struct PredictOptions {
  std::string model;
  std::vector<std::string> data;
  DataOptions read;
};

}  // namespace

template <>
void describe(Describer<PredictOptions>& d) {
  d(&PredictOptions::model, "model",
    "The model that labels: an encoder with a head, or ENCODER+ADAPTER.");
  d(&PredictOptions::data, "data", "Rows to label, with or without labels of their own.");
  d.nested(&PredictOptions::read);
}

namespace {

constexpr std::size_t kMostNamed = 5;

// What is labelled, and the rows that it came from, if any.
struct Items {
  std::vector<TextToLabel> texts;
  Dataset rows;
};

class Predict final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    require_task(session.arguments().front());
    if (options_.model.empty()) {
      throw usage_error(
          "predict: -m names the model that labels, such as a folder that "
          "`bantam train` wrote");
    }
    const auto& out = session.shared().out;
    if (out && *out != "-") require_fresh_output(*out, session.shared().force, inputs());
    const Items items = read_items(session);
    const LoadedClassifier classifier = load_classifier(options_.model);
    for (const std::string& warning : classifier.warnings) session.progress().note(warning);
    const ClassifiedTexts found = classify_texts(
        classifier, items.texts, items.rows.empty() ? silent_progress() : session.progress());
    note_truncated(session, classifier, found);
    const std::vector<std::string>& labels = classifier.model->labels();
    if (out || !options_.data.empty() || session.json()) {
      write(session, items, labels, found.probabilities);
    } else {
      show(session, items, labels, found.probabilities);
    }
    note_scores(session, items, labels, found.probabilities);
    return 0;
  }

 private:
  static void require_task(const std::string& task) {
    const std::array<std::string, 1> known = {"classify"};
    if (task != known.front()) throw_unknown_name("task", task, known);
  }

  std::vector<Path> inputs() const {
    std::vector<Path> paths;
    for (const std::string& text : options_.data) paths.emplace_back(parse_data_ref(text).path);
    return paths;
  }

  Items read_items(Session& session) const {
    const auto texts = std::span(session.arguments()).subspan(1);
    if (texts.empty() == options_.data.empty()) {
      throw usage_error("predict: expected TEXT or --data, found {}",
                        texts.empty() ? "neither" : "both");
    }
    Items items;
    for (const std::string& text : texts) {
      items.texts.push_back({text == "-" ? InputLines().rest() : text, ""});
    }
    if (options_.data.empty()) return items;
    items.rows = read_data(session, options_.data, options_.read);
    for (const Row& row : items.rows) {
      const bool has_text = row.kind == Row::Kind::classification || row.kind == Row::Kind::text;
      items.texts.push_back({has_text ? row.text : input_of(row), row.text_pair});
    }
    return items;
  }

  static std::span<const float> row_of(const Tensor& probabilities, std::size_t i) {
    const auto width = static_cast<std::size_t>(probabilities.size(1));
    return probabilities.span<float>().subspan(i * width, width);
  }

  static std::size_t likeliest(std::span<const float> scores) {
    return static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
  }

  static void note_truncated(Session& session, const LoadedClassifier& classifier,
                             const ClassifiedTexts& found) {
    if (found.truncated.empty()) return;
    std::string numbers;
    for (std::size_t i = 0; i < std::min(kMostNamed, found.truncated.size()); ++i) {
      numbers += fmt::format("{}{}", i == 0 ? "" : ", ", found.truncated[i] + 1);
    }
    session.progress().note(
        fmt::format("{} texts are longer than {} tokens and were read up to there: number {}{}",
                    found.truncated.size(), classifier.longest, numbers,
                    found.truncated.size() > kMostNamed ? ", …" : ""));
  }

  // Rows as they came, or texts, each with what was predicted: a JSON object a line.
  static void write(Session& session, const Items& items, const std::vector<std::string>& labels,
                    const Tensor& probabilities) {
    const auto& out = session.shared().out;
    std::optional<AtomicFile> file;
    if (out && *out != "-") file.emplace(*out);
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      const auto scores = row_of(probabilities, i);
      Json row =
          items.rows.empty() ? Json{{"text", items.texts[i].text}} : row_to_json(items.rows[i]);
      row["prediction"] = labels[likeliest(scores)];
      row["scores"] = Json::object();
      for (std::size_t label = 0; label < labels.size(); ++label) {
        row["scores"][labels[label]] = rounded(scores[label]);
      }
      const std::string line = dump_json(row) + "\n";
      file ? file->write(line) : session.print(line);
    }
    if (file) file->commit();
  }

  // As many digits as f32 carries near 1: more would be noise of the machine.
  static double rounded(float score) { return std::round(score * 1e6) / 1e6; }

  // For a person: the label and its probability, and of one text those that come next.
  static void show(Session& session, const Items& items, const std::vector<std::string>& labels,
                   const Tensor& probabilities) {
    if (items.texts.size() == 1) return show_scores(session, labels, row_of(probabilities, 0));
    Table table({"label", ">score", "text"});
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      const auto scores = row_of(probabilities, i);
      const std::size_t best = likeliest(scores);
      table.add({escaped(labels[best], 40), fmt::format("{:.3f}", scores[best]),
                 escaped(items.texts[i].text, 60)});
    }
    session.print(table);
  }

  static void show_scores(Session& session, const std::vector<std::string>& labels,
                          std::span<const float> scores) {
    std::vector<std::size_t> order(labels.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::ranges::greater(),
                             [&](std::size_t i) { return scores[i]; });
    order.resize(std::min(kMostNamed, order.size()));
    Table table({"label", ">score"});
    for (const std::size_t label : order) {
      table.add({escaped(labels[label], 40), fmt::format("{:.3f}", scores[label])});
    }
    session.print(table);
  }

  // Rows that have labels say how good the predictions are.
  static void note_scores(Session& session, const Items& items,
                          const std::vector<std::string>& labels, const Tensor& probabilities) {
    std::vector<std::int32_t> truth, prediction;
    for (std::size_t i = 0; i < items.rows.size(); ++i) {
      if (items.rows[i].kind != Row::Kind::classification) return;
      const auto found = std::ranges::find(labels, items.rows[i].label);
      if (found == labels.end()) {
        session.progress().note(
            fmt::format("{}: label '{}' is none of the model's, so predictions "
                        "are not scored",
                        where_is(items.rows[i]), escaped(items.rows[i].label, 60)));
        return;
      }
      truth.push_back(static_cast<std::int32_t>(found - labels.begin()));
      prediction.push_back(static_cast<std::int32_t>(likeliest(row_of(probabilities, i))));
    }
    if (truth.empty()) return;
    const ClassificationScores scores =
        score_classification(truth, prediction, static_cast<int>(labels.size()));
    session.progress().note(fmt::format("on {} labelled rows: accuracy {:.3f}, macro-F1 {:.3f}",
                                        truth.size(), scores.accuracy, scores.macro_f1));
  }

  PredictOptions options_;
};

}  // namespace

Command predict_command() {
  return {.name = "predict",
          .group = CommandGroup::use_model,
          .summary = "Label texts or rows with a trained model.",
          .details =
              "The task classify gives each text one of the labels of the model's head, with the "
              "probability of each. Texts of the command line are answered with a table; rows of "
              "--data, --json and --out with a JSON object a line: the row, `prediction` and "
              "`scores`. Where rows have labels, accuracy and macro-F1 are noted.",
          .arguments = {{.name = "TASK", .help = "classify."},
                        {.name = "TEXT",
                         .help = "A text; - reads standard input.",
                         .least = 0,
                         .most = Argument::kAny}},
          .examples = {{"bantam predict classify -m intents 'play some jazz' 'will it rain?'",
                        "Labels of two texts."},
                       {"bantam predict classify -m intents --data rows.jsonl -o labelled.jsonl",
                        "Labels of many rows."}},
          .shared = {"out", "force"},
          .body = [] { return std::make_unique<Predict>(); }};
}

}  // namespace bantam
