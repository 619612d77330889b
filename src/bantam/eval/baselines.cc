#include "bantam/eval/baselines.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/stats/logistic_regression.h"
#include "bantam/stats/tfidf.h"

namespace bantam {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::string> texts_of(std::span<const Row> rows) {
  std::vector<std::string> texts;
  for (const Row& row : rows)
    texts.push_back(row.text_pair.empty() ? row.text : row.text + "\n" + row.text_pair);
  return texts;
}

std::vector<std::int32_t> classes_of(std::span<const Row> rows,
                                     std::span<const std::string> labels) {
  std::vector<std::int32_t> classes;
  for (const Row& row : rows) {
    classes.push_back(
        static_cast<std::int32_t>(std::ranges::find(labels, row.label) - labels.begin()));
  }
  return classes;
}

// One choice of features and penalty, fitted on the training rows.
struct Candidate {
  TfidfOptions features;
  double c = 10;
  std::string name;
};

struct Fitted {
  TfidfVectorizer vectorizer;
  LogisticRegression regression;
  std::vector<std::vector<double>> log_probabilities(std::span<const Row> rows) const {
    return regression.log_probabilities(vectorizer.transform(texts_of(rows)));
  }
};

Fitted fit(const Candidate& candidate, std::span<const Row> train,
           std::span<const std::string> labels) {
  Fitted fitted{TfidfVectorizer(candidate.features),
                LogisticRegression({.c = candidate.c, .max_iterations = 100})};
  const auto texts = texts_of(train);
  fitted.vectorizer.fit(texts);
  fitted.regression.fit(fitted.vectorizer.transform(texts), classes_of(train, labels),
                        static_cast<int>(labels.size()));
  return fitted;
}

std::vector<Candidate> candidates() {
  const TfidfOptions words{
      .unit = TfidfOptions::Unit::words, .shortest = 1, .longest = 2, .sublinear = true};
  const TfidfOptions characters{
      .unit = TfidfOptions::Unit::characters, .shortest = 2, .longest = 5, .sublinear = true};
  std::vector<Candidate> list;
  for (const double c : {1.0, 10.0}) list.push_back({words, c, "words"});
  for (const double c : {10.0, 100.0}) list.push_back({characters, c, "character n-grams"});
  return list;
}

double accuracy_on(const Fitted& fitted, std::span<const Row> rows,
                   std::span<const std::string> labels) {
  const auto scores = fitted.log_probabilities(rows);
  const auto truth = classes_of(rows, labels);
  double right = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto best = std::ranges::max_element(scores[i]) - scores[i].begin();
    right += best == truth[i] ? 1 : 0;
  }
  return right / static_cast<double>(rows.size());
}

}  // namespace

SystemResult majority_baseline(std::span<const Row> train, std::span<const Row> test,
                               std::span<const std::string> labels) {
  std::map<std::string, std::int64_t> counts;
  for (const Row& row : train) ++counts[row.label];
  if (counts.empty()) throw input_error("majority class: no training rows");
  const auto most =
      std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  SystemResult result;
  result.name = fmt::format("majority class ({})", most->first);
  for (const Row& row : test) {
    RowAnswer answer;
    answer.text = most->first;
    answer.correct = row.label == most->first;
    result.answers.push_back(std::move(answer));
  }
  score(result, test, labels);
  return result;
}

SystemResult tfidf_baseline(std::span<const Row> train, std::span<const Row> dev,
                            std::span<const Row> test, std::span<const std::string> labels) {
  const auto start = Clock::now();
  Candidate chosen = candidates()[1];
  if (!dev.empty()) {
    const std::vector<Candidate> list = candidates();
    std::vector<double> accuracies(list.size());
    parallel_for(static_cast<std::int64_t>(list.size()), 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     accuracies[i] = accuracy_on(fit(list[i], train, labels), dev, labels);
                   }
                 });
    chosen = list[std::ranges::max_element(accuracies) - accuracies.begin()];
  }
  const Fitted fitted = fit(chosen, train, labels);
  const auto scores = fitted.log_probabilities(test);
  const auto truth = classes_of(test, labels);
  SystemResult result;
  result.name = fmt::format("TF-IDF ({}) + logistic regression, C = {}", chosen.name, chosen.c);
  for (std::size_t i = 0; i < test.size(); ++i) {
    const auto best = std::ranges::max_element(scores[i]) - scores[i].begin();
    RowAnswer answer;
    answer.text = labels[best];
    answer.correct = best == truth[i];
    answer.probability = std::exp(scores[i][best]);
    result.answers.push_back(std::move(answer));
  }
  result.seconds = seconds_since(start);
  score(result, test, labels);
  return result;
}

}  // namespace bantam
