// An encoder that learns to label texts.
#include <fmt/ranges.h>

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/cli/training_job.h"
#include "bantam/cli/training_subject.h"
#include "bantam/data/encoder_examples.h"
#include "bantam/generate/text_classifier.h"
#include "bantam/model/save_tokenizer.h"
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

std::string listed(const std::vector<std::string>& labels) {
  constexpr std::size_t kMostListed = 12;
  const auto shown = std::span(labels).first(std::min(kMostListed, labels.size()));
  return fmt::format("{}{}", fmt::join(shown, ", "), labels.size() > kMostListed ? ", …" : "");
}

class ClassifierSubject final : public TrainingSubject {
 public:
  explicit ClassifierSubject(const TrainingJobOptions& options)
      : reference_(options.model),
        has_head_(!options.new_head && !labels_of_head(options.model).empty()) {
    if (has_head_) take(load_classifier(reference_));
  }

  const Path& path() const override { return loaded_.path; }
  const std::vector<std::string>& warnings() const override { return loaded_.warnings; }
  ModelKind kind() const override { return ModelKind::encoder; }
  std::string usual_objective() const override { return "classify"; }
  std::int64_t longest() const override { return loaded_.longest; }

  std::string meet(const Dataset& rows, std::uint64_t seed) override {
    require_labelled(rows);
    if (has_head_) return fmt::format("labels of the model's head: {}", listed(labels()));
    std::vector<std::string> found = labels_of(rows);
    if (found.size() < 2) {
      throw input_error("the rows have one label, {}; expected at least two to tell apart",
                        escaped(found.front(), 60));
    }
    take(load_with_new_head(reference_, std::move(found), seed));
    return fmt::format("a new head for {} labels, in alphabetical order: {}", labels().size(),
                       listed(labels()));
  }

  std::vector<Example> format(const Dataset& rows, const FormatOptions& format,
                              FormatReport& report) const override {
    return labelled_examples(
        rows, *loaded_.tokenizer, labels(),
        {.longest = format.max_tokens, .drop_longer = format.too_long == TooLong::drop}, report);
  }

  TrainableModel model() override { return *loaded_.model; }
  Transformer& transformer() override { return loaded_.model->encoder(); }
  std::vector<Parameter> parameters() override { return loaded_.model->parameters(); }
  std::vector<Parameter> parameters_beside_adapter() override {
    return loaded_.model->head().parameters();
  }

  std::function<EvaluationFigures()> measure(std::span<const Example> dev) override {
    if (dev.empty()) return {};
    return [this, dev]() -> EvaluationFigures {
      const Answers found = answers(dev);
      const auto scores = score_classification(found.truth, found.prediction, found.classes);
      return {{"accuracy", scores.accuracy}, {"macro_f1", scores.macro_f1}};
    };
  }

  Verdict judge(std::span<const Example> dev) override {
    if (dev.empty()) return {};
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

  void save(const Path& folder, DType dtype) override {
    write_encoder_model(*loaded_.model, folder, dtype);
    save_tokenizer_files(*loaded_.tokenizer, nullptr, loaded_.longest, folder);
  }
  void save(const Adapter& adapter, const Path& folder) override {
    save_classifier_adapter(loaded_, adapter, folder);
  }
  std::string command_to_try(const std::string& reference) const override {
    return fmt::format("bantam predict classify -m {} TEXT", reference);
  }

 private:
  const std::vector<std::string>& labels() const { return loaded_.model->labels(); }

  void take(LoadedClassifier loaded) {
    loaded_ = std::move(loaded);
    require_classes(*loaded_.model, loaded_.name);
  }

  static void require_labelled(const Dataset& rows) {
    const Row::Kind kind = require_one_kind(rows);
    if (kind == Row::Kind::classification) return;
    throw input_error(
        "{}: an encoder learns from rows with text and label, found {}; "
        "--map OLD=NEW renames fields",
        where_is(rows[0]), name_of(kind));
  }

  Answers answers(std::span<const Example> dev) const {
    Answers found{.classes = static_cast<int>(labels().size())};
    std::vector<ModelInput> inputs;
    for (const Example& example : dev) {
      found.truth.push_back(example.labels.front());
      ModelInput& input = inputs.emplace_back();
      input.ids = example.ids;
      input.type_ids = example.types;
    }
    const Tensor likeliest = argmax(class_probabilities(*loaded_.model, inputs), 1);
    const auto classes = likeliest.span<std::int32_t>();
    found.prediction.assign(classes.begin(), classes.end());
    return found;
  }

  std::string reference_;
  bool has_head_;
  LoadedClassifier loaded_;
};

}  // namespace

std::unique_ptr<TrainingSubject> load_classifier_subject(const TrainingJobOptions& options) {
  return std::make_unique<ClassifierSubject>(options);
}

}  // namespace bantam
