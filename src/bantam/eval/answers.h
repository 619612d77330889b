// What a system answered to the rows of a test set, and what that is worth.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bantam/data/row.h"
#include "bantam/stats/bootstrap.h"
#include "bantam/stats/classification.h"
#include "bantam/stats/paired_tests.h"

namespace bantam {

struct RowAnswer {
  std::string text;  ///< a label, or the generated text
  bool correct = false;
  /// Of the answer among the options, of which unlikely ones count with their first token alone;
  /// NaN where there are no options.
  double probability = std::numeric_limits<double>::quiet_NaN();
  double truth_loss = 0;          ///< -log p(true answer), nats, summed over its tokens
  std::int64_t truth_tokens = 0;  ///< 0: not measured
};

/// One system on one test set.
struct SystemResult {
  std::string name;
  std::vector<RowAnswer> answers;  ///< in the order of the rows
  double seconds = 0;
  Interval accuracy;  ///< share of correct answers (exact match for generated text)
  std::optional<Interval> macro_f1;
  std::optional<Interval> loss;  ///< nats a token of the true answer
  std::optional<ClassificationScores> classes;
};

/// Fills the scores from `answers`. `labels` is empty for generated text. Throws Error(input) when
/// there is no row (N4).
void score(SystemResult& result, std::span<const Row> rows, std::span<const std::string> labels);

/// McNemar's test between two systems on the same rows.
McNemar compare(const SystemResult& before, const SystemResult& after);

/// Labels of the rows, in order of first appearance after sorting.
std::vector<std::string> labels_of(std::span<const Row> rows);

}  // namespace bantam
