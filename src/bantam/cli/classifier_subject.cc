// An encoder that learns to label texts, with one label each or with all that apply.
#include "bantam/base/error.h"
#include "bantam/cli/encoder_subject.h"
#include "bantam/cli/multi_label_figures.h"
#include "bantam/data/encoder_examples.h"
#include "bantam/generate/text_classifier.h"
#include "bantam/recipe/tune/tune_report.h"
#include "bantam/stats/bootstrap.h"
#include "bantam/stats/classification.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

// Truths and predictions as places among the labels.
struct Answers {
  std::vector<std::int32_t> truth = {}, prediction = {};
  int classes = 0;
};

class ClassifierSubject final : public EncoderSubject {
 public:
  explicit ClassifierSubject(const TrainingJobOptions& options)
      : EncoderSubject(options, HeadKind::sequence) {
    if (has_head()) require_labels(encoder(), loaded().name);
  }

  std::string usual_objective() const override { return "classify"; }

  std::string meet(const Dataset& rows, std::uint64_t seed) override {
    const Row::Kind kind = kind_of_labelled(rows);
    if (has_head()) {
      require_fitting_head(rows, kind);
      return fmt::format("labels of the model's head: {}", listed_labels());
    }
    std::vector<std::string> found = labels_of(rows);
    const bool excludes = kind == Row::Kind::classification;
    if (found.size() < (excludes ? 2 : 1)) {
      throw input_error(
          "the rows have {}; expected at least two to tell apart",
          found.empty() ? "no label" : fmt::format("one label, {}", escaped(found.front(), 60)));
    }
    make_head(
        {.labels = std::move(found),
         .problem_type = excludes ? "single_label_classification" : "multi_label_classification"},
        seed);
    return fmt::format("a new head for {} labels{}, in alphabetical order: {}", labels().size(),
                       excludes ? "" : " that each apply or not", listed_labels());
  }

  std::vector<Example> format(const Dataset& rows, const FormatOptions& format,
                              FormatReport& report) override {
    const auto examples_of = excludes() ? labelled_examples : multi_label_examples;
    return examples_of(
        rows, *loaded().tokenizer, labels(),
        {.longest = format.max_tokens, .drop_longer = format.too_long == TooLong::drop}, report);
  }

  std::function<EvaluationFigures()> measure(std::span<const Example> dev) override {
    if (dev.empty()) return {};
    return [this, dev]() -> EvaluationFigures {
      if (!excludes()) return multi_label_figures(dev, probabilities(dev));
      const Answers found = answers(dev);
      const auto scores = score_classification(found.truth, found.prediction, found.classes);
      return {{"accuracy", scores.accuracy}, {"macro_f1", scores.macro_f1}};
    };
  }

  Verdict judge(std::span<const Example> dev) override {
    if (dev.empty()) return {};
    if (!excludes()) return multi_label_verdict(dev, probabilities(dev), labels());
    const Answers found = answers(dev);
    std::vector<double> right;
    for (std::size_t i = 0; i < dev.size(); ++i) {
      right.push_back(found.truth[i] == found.prediction[i] ? 1 : 0);
    }
    const Interval accuracy = bootstrap_mean(right);
    const Interval macro_f1 = bootstrap_statistic(
        static_cast<std::uint32_t>(dev.size()), [&](std::span<const std::uint32_t> rows) {
          return macro_f1_of_rows(found.truth, found.prediction, found.classes, rows);
        });
    return {.lines = {fmt::format("on {} dev rows: accuracy {}, macro-F1 {}", dev.size(),
                                  text_of(accuracy), text_of(macro_f1))},
            .json = {{"rows", dev.size()},
                     {"accuracy", accuracy.value},
                     {"macro_f1", macro_f1.value},
                     {"labels", labels()}}};
  }

  std::string command_to_try(const std::string& reference) const override {
    return fmt::format("bantam predict classify -m {} TEXT", reference);
  }

 private:
  bool excludes() const { return output_of(encoder().head().config) == HeadOutput::classes; }

  static Row::Kind kind_of_labelled(const Dataset& rows) {
    const Row::Kind kind = require_one_kind(rows);
    if (kind == Row::Kind::classification || kind == Row::Kind::multi_label) return kind;
    throw input_error(
        "{}: an encoder learns from rows with text and label, found {}; {}", where_is(rows[0]),
        name_of(kind),
        kind == Row::Kind::spans ? "--objective tag learns these" : "--map OLD=NEW renames fields");
  }

  void require_fitting_head(const Dataset& rows, Row::Kind kind) const {
    if (kind == Row::Kind::classification || !excludes()) return;
    throw input_error(
        "{}: any number of labels may apply, but those of the model's head exclude each other; "
        "--new-head makes another",
        where_is(rows[0]));
  }

  Tensor probabilities(std::span<const Example> dev) const {
    return class_probabilities(encoder(), inputs_of(dev));
  }

  Answers answers(std::span<const Example> dev) const {
    Answers found{.classes = static_cast<int>(labels().size())};
    for (const Example& example : dev) found.truth.push_back(example.labels.front());
    const Tensor likeliest = argmax(probabilities(dev), 1);
    const auto classes = likeliest.span<std::int32_t>();
    found.prediction.assign(classes.begin(), classes.end());
    return found;
  }
};

}  // namespace

std::unique_ptr<TrainingSubject> load_classifier_subject(const TrainingJobOptions& options) {
  return std::make_unique<ClassifierSubject>(options);
}

}  // namespace bantam
