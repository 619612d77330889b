// The number that a head of one output gives: a regression, or how well a pair of texts goes
// together.
#include "bantam/base/error.h"
#include "bantam/cli/predict_task.h"
#include "bantam/cli/session.h"
#include "bantam/generate/text_classifier.h"
#include "bantam/stats/correlation.h"

namespace bantam {
namespace {

class ScoreTask final : public PredictTask {
 public:
  using PredictTask::PredictTask;

  std::vector<std::size_t> predict(const PredictItems& items, ProgressSink& progress) override {
    ScoredTexts found = score_texts(model(), items.texts, progress);
    scores_ = std::move(found.scores);
    return std::move(found.truncated);
  }

  void add_to(Json& row, std::size_t i) const override { row["prediction"] = rounded(scores_[i]); }

  void show(Session& session, const PredictItems& items) const override {
    Table table({">score", "text"});
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      table.add({fmt::format("{:.4f}", scores_[i]), shown_text(items.texts[i])});
    }
    session.print(table);
  }

  std::string verdict(const PredictItems& items) const override {
    std::vector<double> truth, prediction;
    for (std::size_t i = 0; i < items.rows.size(); ++i) {
      const auto score = items.rows[i].extra.find("score");
      if (score == items.rows[i].extra.end() || !score->is_number()) return "";
      truth.push_back(score->get<double>());
      prediction.push_back(scores_[i]);
    }
    constexpr std::size_t kFewest = 3;  // that a correlation says anything of
    if (truth.size() < kFewest) return "";
    return fmt::format("on {} rows with a score: Spearman {:.3f}, RMSE {:.4f}", truth.size(),
                       spearman_correlation(truth, prediction),
                       root_mean_square_error(truth, prediction));
  }

 private:
  std::vector<float> scores_;
};

}  // namespace

std::unique_ptr<PredictTask> make_score_task(const PredictOptions& options) {
  refuse_threshold(options, "score gives numbers, not labels");
  LoadedClassifier loaded = load_classifier(options.model);
  require_number(*loaded.model, loaded.name);
  return std::make_unique<ScoreTask>(std::move(loaded));
}

}  // namespace bantam
