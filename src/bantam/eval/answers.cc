#include "bantam/eval/answers.h"

#include <algorithm>
#include <set>

#include "bantam/base/error.h"

namespace bantam {
namespace {

std::int32_t class_of(std::span<const std::string> labels, const std::string& label) {
  const auto found = std::ranges::find(labels, label);
  return found == labels.end() ? -1 : static_cast<std::int32_t>(found - labels.begin());
}

void score_classes(SystemResult& result, std::span<const Row> rows,
                   std::span<const std::string> labels) {
  std::vector<std::int32_t> truth, prediction;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    truth.push_back(class_of(labels, rows[i].label));
    prediction.push_back(class_of(labels, result.answers[i].text));
    if (truth.back() < 0) {
      throw input_error("{}: label '{}' is not one of the {} labels of the training rows",
                        where_is(rows[i]), escaped(rows[i].label, 60), labels.size());
    }
  }
  const auto classes = static_cast<int>(labels.size());
  result.classes = score_classification(truth, prediction, classes);
  result.macro_f1 = bootstrap_statistic(
      static_cast<std::uint32_t>(rows.size()), [&](std::span<const std::uint32_t> chosen) {
        return macro_f1_of_rows(truth, prediction, classes, chosen);
      });
}

void score_loss(SystemResult& result) {
  std::int64_t tokens = 0;
  for (const RowAnswer& answer : result.answers) tokens += answer.truth_tokens;
  if (tokens == 0) return;
  result.loss = bootstrap_statistic(static_cast<std::uint32_t>(result.answers.size()),
                                    [&result](std::span<const std::uint32_t> chosen) {
                                      double nats = 0, count = 0;
                                      for (const std::uint32_t row : chosen) {
                                        nats += result.answers[row].truth_loss;
                                        count +=
                                            static_cast<double>(result.answers[row].truth_tokens);
                                      }
                                      return count > 0 ? nats / count : 0.0;
                                    });
}

}  // namespace

void score(SystemResult& result, std::span<const Row> rows, std::span<const std::string> labels) {
  if (rows.empty())
    throw input_error("{}: no test rows; a score of nothing is undefined", result.name);
  if (rows.size() != result.answers.size()) {
    throw internal_error("{}: {} answers to {} rows", result.name, result.answers.size(),
                         rows.size());
  }
  std::vector<double> right;
  for (const RowAnswer& answer : result.answers) right.push_back(answer.correct ? 1.0 : 0.0);
  result.accuracy = bootstrap_mean(right);
  if (!labels.empty()) score_classes(result, rows, labels);
  score_loss(result);
}

McNemar compare(const SystemResult& before, const SystemResult& after) {
  std::vector<std::uint8_t> first, second;
  for (const RowAnswer& answer : before.answers) first.push_back(answer.correct ? 1 : 0);
  for (const RowAnswer& answer : after.answers) second.push_back(answer.correct ? 1 : 0);
  return mcnemar(first, second);
}

std::vector<std::string> labels_of(std::span<const Row> rows) {
  std::set<std::string> labels;
  for (const Row& row : rows) labels.insert(row.label);
  return {labels.begin(), labels.end()};
}

}  // namespace bantam
