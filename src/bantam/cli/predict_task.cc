#include "bantam/cli/predict_task.h"

#include <cmath>

#include "bantam/base/error.h"

namespace bantam {

template <>
void describe(Describer<PredictOptions>& d) {
  d(&PredictOptions::model, "model",
    "The model that predicts: an encoder with a head, or ENCODER+ADAPTER.");
  d(&PredictOptions::data, "data", "Rows to predict for, with or without answers of their own.");
  d.nested(&PredictOptions::read);
  d(&PredictOptions::query, "query",
    "Read before each TEXT, as the first of a pair: the query of a reranker, the premise of an "
    "inference.");
  d(&PredictOptions::threshold, "threshold",
    "Labels that do not exclude each other are predicted above this probability; 0.5 when unset.",
    between(0.0, 1.0));
}

double PredictTask::rounded(float score) { return std::round(score * 1e6) / 1e6; }

const Registry<PredictTaskEntry>& predict_tasks() {
  static const Registry<PredictTaskEntry> list{
      "task",
      {
          {"classify",
           "The label of each text, or all labels that apply.",
           {.make = make_classify_task}},
          {"pair-classify",
           "The same for pairs of texts, such as premise and hypothesis.",
           {.make = make_classify_task, .needs_pairs = true}},
          {"score", "The number that a regression or a reranker gives.", {.make = make_score_task}},
          {"tag",
           "The entities of each text, or the tags of its words.",
           {.make = make_tag_task, .takes_pairs = false}},
      }};
  return list;
}

void refuse_threshold(const PredictOptions& options, std::string_view why) {
  if (options.threshold) throw usage_error("--threshold: {}", why);
}

std::string shown_text(const TextToLabel& text) {
  constexpr std::size_t kMost = 60;
  if (text.pair.empty()) return escaped(text.text, kMost);
  return escaped(text.text, kMost / 2) + " | " + escaped(text.pair, kMost / 2);
}

}  // namespace bantam
