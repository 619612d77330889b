#include "bantam/stats/classification.h"

#include "bantam/base/error.h"

namespace bantam {
namespace {

struct Counts {
  std::vector<std::int64_t> hits, support, predicted;
  explicit Counts(int classes)
      : hits(static_cast<std::size_t>(classes)), support(hits), predicted(hits) {}
  void add(std::int32_t truth, std::int32_t prediction) {
    ++support[static_cast<std::size_t>(truth)];
    if (prediction < 0) return;
    ++predicted[static_cast<std::size_t>(prediction)];
    if (truth == prediction) ++hits[static_cast<std::size_t>(truth)];
  }
};

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// 2PR / (P + R) written with counts, which is also right when precision and recall are both 0.
double f1_of(const Counts& counts, std::size_t c) {
  return ratio(2 * counts.hits[c], counts.support[c] + counts.predicted[c]);
}

double macro_f1_of(const Counts& counts) {
  double sum = 0;
  std::int64_t present = 0;
  for (std::size_t c = 0; c < counts.hits.size(); ++c) {
    if (counts.support[c] + counts.predicted[c] == 0) continue;
    sum += f1_of(counts, c);
    ++present;
  }
  return sum / static_cast<double>(present);
}

void require_classes(std::span<const std::int32_t> truth, std::span<const std::int32_t> prediction,
                     int classes) {
  if (truth.empty()) throw input_error("classification scores: there are no items (n = 0)");
  if (truth.size() != prediction.size()) {
    throw input_error("classification scores: {} truths but {} predictions", truth.size(),
                      prediction.size());
  }
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] < 0 || truth[i] >= classes || prediction[i] < -1 || prediction[i] >= classes) {
      throw input_error(
          "classification scores: item {} has truth {} and prediction {}, expected classes 0 to {}",
          i, truth[i], prediction[i], classes - 1);
    }
  }
}

}  // namespace

ClassificationScores score_classification(std::span<const std::int32_t> truth,
                                          std::span<const std::int32_t> prediction, int classes) {
  require_classes(truth, prediction, classes);
  Counts counts(classes);
  ClassificationScores scores;
  scores.confusion.assign(static_cast<std::size_t>(classes),
                          std::vector<std::int64_t>(static_cast<std::size_t>(classes)));
  std::int64_t right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    counts.add(truth[i], prediction[i]);
    right += truth[i] == prediction[i];
    if (prediction[i] < 0) {
      ++scores.unanswered;
    } else {
      ++scores
            .confusion[static_cast<std::size_t>(truth[i])][static_cast<std::size_t>(prediction[i])];
    }
  }
  scores.count = static_cast<std::int64_t>(truth.size());
  scores.accuracy = ratio(right, scores.count);
  scores.macro_f1 = macro_f1_of(counts);
  for (std::size_t c = 0; c < counts.hits.size(); ++c) {
    scores.per_class.push_back({.precision = ratio(counts.hits[c], counts.predicted[c]),
                                .recall = ratio(counts.hits[c], counts.support[c]),
                                .f1 = f1_of(counts, c),
                                .support = counts.support[c],
                                .predicted = counts.predicted[c]});
  }
  return scores;
}

double macro_f1_of_rows(std::span<const std::int32_t> truth,
                        std::span<const std::int32_t> prediction, int classes,
                        std::span<const std::uint32_t> rows) {
  if (rows.empty()) throw input_error("macro F1: there are no items (n = 0)");
  Counts counts(classes);
  for (const std::uint32_t row : rows) counts.add(truth[row], prediction[row]);
  return macro_f1_of(counts);
}

}  // namespace bantam
