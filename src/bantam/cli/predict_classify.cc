// Labels of whole texts: one, or all that apply.
#include <fmt/ranges.h>

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/cli/predict_task.h"
#include "bantam/cli/session.h"
#include "bantam/generate/text_classifier.h"
#include "bantam/stats/classification.h"
#include "bantam/stats/set_scores.h"

namespace bantam {
namespace {

constexpr std::size_t kMostShown = 5;
constexpr double kUsualThreshold = 0.5;

class ClassifyTask final : public PredictTask {
 public:
  ClassifyTask(LoadedClassifier loaded, std::optional<double> threshold)
      : PredictTask(std::move(loaded)),
        excludes_(output_of(model().model->head().config) == HeadOutput::classes),
        threshold_(threshold.value_or(kUsualThreshold)) {
    if (excludes_ && threshold) {
      throw usage_error(
          "--threshold: the labels of {} exclude each other, so the likeliest is predicted",
          model().name);
    }
  }

  std::vector<std::size_t> predict(const PredictItems& items, ProgressSink& progress) override {
    ClassifiedTexts found = classify_texts(model(), items.texts, progress);
    probabilities_ = std::move(found.probabilities);
    return std::move(found.truncated);
  }

  void add_to(Json& row, std::size_t i) const override {
    if (excludes_) {
      row["prediction"] = labels()[likeliest(i)];
    } else {
      row["prediction"] = Json::array();
      for (const std::size_t label : applying(i)) row["prediction"].push_back(labels()[label]);
    }
    row["scores"] = Json::object();
    for (std::size_t label = 0; label < labels().size(); ++label) {
      row["scores"][labels()[label]] = rounded(scores(i)[label]);
    }
  }

  void show(Session& session, const PredictItems& items) const override {
    if (items.texts.size() == 1) return show_scores(session);
    Table table(excludes_ ? std::vector<std::string>{"label", ">score", "text"}
                          : std::vector<std::string>{"labels", "text"});
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      if (excludes_) {
        const std::size_t best = likeliest(i);
        table.add({escaped(labels()[best], 40), fmt::format("{:.3f}", scores(i)[best]),
                   shown_text(items.texts[i])});
      } else {
        table.add({named(applying(i)), shown_text(items.texts[i])});
      }
    }
    session.print(table);
  }

  std::string verdict(const PredictItems& items) const override {
    return excludes_ ? verdict_of_classes(items) : verdict_of_labels(items);
  }

 private:
  const std::vector<std::string>& labels() const { return model().model->labels(); }

  std::span<const float> scores(std::size_t i) const {
    return probabilities_.span<float>().subspan(i * labels().size(), labels().size());
  }

  std::size_t likeliest(std::size_t i) const {
    return static_cast<std::size_t>(std::ranges::max_element(scores(i)) - scores(i).begin());
  }

  // Places of the labels above the threshold.
  std::vector<std::size_t> applying(std::size_t i) const {
    std::vector<std::size_t> found;
    for (std::size_t label = 0; label < labels().size(); ++label) {
      if (scores(i)[label] > threshold_) found.push_back(label);
    }
    return found;
  }

  std::string named(const std::vector<std::size_t>& places) const {
    std::vector<std::string> names;
    for (const std::size_t place : places) names.push_back(escaped(labels()[place], 40));
    return names.empty() ? "(none)" : fmt::format("{}", fmt::join(names, ", "));
  }

  // Of one text: its label and those that come next, or all that apply and those that come next.
  void show_scores(Session& session) const {
    std::vector<std::size_t> order(labels().size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::ranges::greater(),
                             [&](std::size_t i) { return scores(0)[i]; });
    const std::size_t least = excludes_ ? 0 : applying(0).size();
    order.resize(std::min(std::max(kMostShown, least), order.size()));
    std::vector<std::string> header = {"label", ">score"};
    if (!excludes_) header.emplace_back("applies");
    Table table(header);
    for (const std::size_t label : order) {
      const float score = scores(0)[label];
      std::vector<std::string> line = {escaped(labels()[label], 40), fmt::format("{:.3f}", score)};
      if (!excludes_) line.emplace_back(score > threshold_ ? "yes" : "");
      table.add(line);
    }
    session.print(table);
  }

  static std::string unknown_label(const Row& row, const std::string& label) {
    return fmt::format("{}: label '{}' is none of the model's, so predictions are not scored",
                       where_is(row), escaped(label, 60));
  }

  std::string verdict_of_classes(const PredictItems& items) const {
    std::vector<std::int32_t> truth, prediction;
    for (std::size_t i = 0; i < items.rows.size(); ++i) {
      const Row& row = items.rows[i];
      if (row.kind != Row::Kind::classification) return "";
      const auto found = std::ranges::find(labels(), row.label);
      if (found == labels().end()) return unknown_label(row, row.label);
      truth.push_back(static_cast<std::int32_t>(found - labels().begin()));
      prediction.push_back(static_cast<std::int32_t>(likeliest(i)));
    }
    if (truth.empty()) return "";
    const ClassificationScores scores =
        score_classification(truth, prediction, static_cast<int>(labels().size()));
    return fmt::format("on {} labelled rows: accuracy {:.3f}, macro-F1 {:.3f}", truth.size(),
                       scores.accuracy, scores.macro_f1);
  }

  std::string verdict_of_labels(const PredictItems& items) const {
    SetScores counts;
    for (std::size_t i = 0; i < items.rows.size(); ++i) {
      const Row& row = items.rows[i];
      const bool is_one = row.kind == Row::Kind::classification;
      if (!is_one && row.kind != Row::Kind::multi_label) return "";
      std::vector<std::size_t> truth;
      for (const std::string& label : is_one ? std::vector{row.label} : row.labels) {
        const auto found = std::ranges::find(labels(), label);
        if (found == labels().end()) return unknown_label(row, label);
        truth.push_back(static_cast<std::size_t>(found - labels().begin()));
      }
      counts.add(std::move(truth), applying(i));
    }
    if (counts.items == 0) return "";
    return fmt::format("on {} labelled rows: micro-F1 {:.3f}, all labels right {:.3f}",
                       counts.items, counts.f1(), counts.exact_share());
  }

  bool excludes_;
  double threshold_;
  Tensor probabilities_;
};

}  // namespace

std::unique_ptr<PredictTask> make_classify_task(const PredictOptions& options) {
  LoadedClassifier loaded = load_classifier(options.model);
  require_labels(*loaded.model, loaded.name);
  return std::make_unique<ClassifyTask>(std::move(loaded), options.threshold);
}

}  // namespace bantam
