#include "bantam/stats/logistic_regression.h"

#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/stats/lbfgs.h"

namespace bantam {
namespace {

/// Turns scores into log-probabilities in place; two classes arrive as one score, the log-odds of
/// class 1.
void log_softmax(std::vector<double>& scores) {
  if (scores.size() == 1) {
    const double odds = scores[0];
    const double log_one = -std::log1p(std::exp(-std::abs(odds))) + std::min(odds, 0.0);
    const double log_zero = -std::log1p(std::exp(-std::abs(odds))) + std::min(-odds, 0.0);
    scores = {log_zero, log_one};
    return;
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const double score : scores) sum += std::exp(score - largest);
  const double log_sum = largest + std::log(sum);
  for (double& score : scores) score -= log_sum;
}

}  // namespace

std::vector<double> LogisticRegression::scores_of(const SparseRows& rows, std::size_t row,
                                                  std::span<const double> parameters) const {
  std::vector<double> scores(parameters.end() - static_cast<std::ptrdiff_t>(outputs_),
                             parameters.end());
  const auto columns = rows.columns_of(row);
  const auto values = rows.values_of(row);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const double* weights = parameters.data() + columns[i] * outputs_;
    for (std::size_t k = 0; k < outputs_; ++k) scores[k] += values[i] * weights[k];
  }
  return scores;
}

double LogisticRegression::add_row(const SparseRows& rows, std::size_t row, std::int32_t label,
                                   std::span<const double> parameters,
                                   std::span<double> gradient) const {
  std::vector<double> log_probability = scores_of(rows, row, parameters);
  log_softmax(log_probability);
  // d loss / d score_k = p_k - [k = label]; for two classes only the log-odds of class 1 has a
  // weight vector.
  const std::size_t first_class = outputs_ == 1 ? 1 : 0;
  std::vector<double> error(outputs_);
  for (std::size_t k = 0; k < outputs_; ++k) {
    const std::size_t klass = k + first_class;
    error[k] =
        std::exp(log_probability[klass]) - (klass == static_cast<std::size_t>(label) ? 1.0 : 0.0);
    gradient[columns_ * outputs_ + k] += error[k];
  }
  const auto columns = rows.columns_of(row);
  const auto values = rows.values_of(row);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    double* out = gradient.data() + columns[i] * outputs_;
    for (std::size_t k = 0; k < outputs_; ++k) out[k] += values[i] * error[k];
  }
  return -log_probability[static_cast<std::size_t>(label)];
}

double LogisticRegression::loss(const SparseRows& rows, std::span<const std::int32_t> labels,
                                std::span<const double> parameters,
                                std::span<double> gradient) const {
  // Few large chunks: each keeps a gradient of its own, added in order so that threads do not
  // change the sum.
  const auto count = static_cast<std::int64_t>(labels.size());
  const std::int64_t grain = std::max<std::int64_t>(2048, (count + 15) / 16);
  const std::int64_t chunks = (count + grain - 1) / grain;
  std::vector<std::vector<double>> partial(static_cast<std::size_t>(chunks));
  std::vector<double> partial_loss(static_cast<std::size_t>(chunks));
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    const auto chunk = static_cast<std::size_t>(begin / grain);
    partial[chunk].assign(parameters.size(), 0.0);
    for (std::int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<std::size_t>(i);
      partial_loss[chunk] += add_row(rows, row, labels[row], parameters, partial[chunk]);
    }
  });
  const double scale = 1.0 / static_cast<double>(count);
  double total = 0;
  for (std::size_t chunk = 0; chunk < partial.size(); ++chunk) {
    total += partial_loss[chunk] * scale;
    for (std::size_t j = 0; j < gradient.size(); ++j) gradient[j] += partial[chunk][j] * scale;
  }
  const double strength = scale / options_.c;
  for (std::size_t j = 0; j < columns_ * outputs_; ++j) {
    total += 0.5 * strength * parameters[j] * parameters[j];
    gradient[j] += strength * parameters[j];
  }
  return total;
}

void LogisticRegression::fit(const SparseRows& rows, std::span<const std::int32_t> labels,
                             int classes) {
  if (labels.empty() || labels.size() != rows.row_count()) {
    throw input_error(
        "logistic regression: expected one label for each of at least one row, found {} labels and "
        "{} rows",
        labels.size(), rows.row_count());
  }
  if (!(options_.c > 0)) {
    throw usage_error("logistic regression: expected C above 0, found {}", options_.c);
  }
  const auto [least, most] = std::minmax_element(labels.begin(), labels.end());
  if (*least < 0 || *most >= classes) {
    throw input_error("logistic regression: expected labels from 0 to {}, found {} to {}",
                      classes - 1, *least, *most);
  }
  if (*least == *most) {
    throw input_error("logistic regression: all {} rows have the same label; two are needed",
                      labels.size());
  }
  classes_ = classes;
  columns_ = rows.column_count;
  outputs_ = classes == 2 ? 1 : static_cast<std::size_t>(classes);
  parameters_.assign((columns_ + 1) * outputs_, 0.0);
  const LbfgsResult result = minimize_lbfgs(
      [&](std::span<const double> x, std::span<double> gradient) {
        return loss(rows, labels, x, gradient);
      },
      parameters_, {.max_iterations = options_.max_iterations, .tolerance = options_.tolerance});
  converged_ = result.converged;
}

std::vector<std::vector<double>> LogisticRegression::log_probabilities(
    const SparseRows& rows) const {
  if (rows.column_count != columns_) {
    throw input_error("logistic regression: fitted on {} columns, found {}", columns_,
                      rows.column_count);
  }
  std::vector<std::vector<double>> result(rows.row_count());
  for (std::size_t row = 0; row < result.size(); ++row) {
    result[row] = scores_of(rows, row, parameters_);
    log_softmax(result[row]);
  }
  return result;
}

std::vector<std::int32_t> LogisticRegression::predict(const SparseRows& rows) const {
  std::vector<std::int32_t> best;
  best.reserve(rows.row_count());
  for (const auto& row : log_probabilities(rows)) {
    best.push_back(
        static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
  }
  return best;
}

}  // namespace bantam
