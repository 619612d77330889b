// Multinomial logistic regression with an l2 penalty, on sparse rows.
//
// Minimizes  C * sum_i log-loss_i + 1/2 |W|^2  (intercepts are free), the objective of
// scikit-learn's LogisticRegression; two classes share one weight vector, as there. C is the
// inverse strength of the penalty.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bantam/stats/sparse.h"

namespace bantam {

struct LogisticRegressionOptions {
  double c = 1;  ///< above 0; larger fits the training rows more closely
  int max_iterations = 1000;
  double tolerance = 1e-5;  ///< on the largest gradient entry of the loss averaged over the rows
};

class LogisticRegression {
 public:
  explicit LogisticRegression(LogisticRegressionOptions options = {}) : options_(options) {}

  /// `labels` in [0, classes), one a row. Throws Error(input) when rows and labels disagree, there
  /// are none, a label is out of range, or fewer than two classes occur.
  void fit(const SparseRows& rows, std::span<const std::int32_t> labels, int classes);

  /// Log-probabilities [rows, classes], natural.
  std::vector<std::vector<double>> log_probabilities(const SparseRows& rows) const;
  std::vector<std::int32_t> predict(const SparseRows& rows) const;

  /// [columns, outputs]; outputs is 1 for two classes (the log-odds of class 1), else the number of
  /// classes.
  std::span<const double> weights() const {
    return std::span(parameters_).first(columns_ * outputs_);
  }
  std::span<const double> intercepts() const {
    return std::span(parameters_).subspan(columns_ * outputs_);
  }
  bool converged() const { return converged_; }

 private:
  LogisticRegressionOptions options_;
  std::size_t columns_ = 0, outputs_ = 0;
  int classes_ = 0;
  bool converged_ = false;
  std::vector<double> parameters_;  // weights [columns, outputs], then intercepts [outputs]

  std::vector<double> scores_of(const SparseRows& rows, std::size_t row,
                                std::span<const double> parameters) const;
  double loss(const SparseRows& rows, std::span<const std::int32_t> labels,
              std::span<const double> parameters, std::span<double> gradient) const;
  double add_row(const SparseRows& rows, std::size_t row, std::int32_t label,
                 std::span<const double> parameters, std::span<double> gradient) const;
};

}  // namespace bantam
