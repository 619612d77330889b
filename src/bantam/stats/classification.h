// Scores of a classifier: accuracy, precision, recall, F1 and the confusion matrix.
//
// Definitions are those of scikit-learn's classification_report with zero_division=0: a class
// without predictions has precision 0, and the macro average runs over the classes that occur among
// the truths or the predictions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bantam {

struct ClassScores {
  double precision = 0, recall = 0, f1 = 0;
  std::int64_t support = 0;    ///< items whose truth is this class
  std::int64_t predicted = 0;  ///< items predicted as this class
};

struct ClassificationScores {
  std::int64_t count = 0;
  std::int64_t unanswered = 0;  ///< predictions that name no class; they are wrong for every truth
  double accuracy = 0;
  double macro_f1 = 0;
  std::vector<ClassScores> per_class;  ///< [classes]
  std::vector<std::vector<std::int64_t>>
      confusion;  ///< [classes][classes], row = truth, column = prediction
};

/// `truth` in [0, classes); `prediction` in [0, classes) or -1 for an answer that is no class.
/// Throws Error(input) when there are no items, the lengths differ, or a class is out of range.
ClassificationScores score_classification(std::span<const std::int32_t> truth,
                                          std::span<const std::int32_t> prediction, int classes);

/// Macro-F1 of a chosen subset of rows (repeats allowed), for bootstrap_statistic.
double macro_f1_of_rows(std::span<const std::int32_t> truth,
                        std::span<const std::int32_t> prediction, int classes,
                        std::span<const std::uint32_t> rows);

}  // namespace bantam
