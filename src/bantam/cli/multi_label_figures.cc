#include "bantam/cli/multi_label_figures.h"

#include "bantam/recipe/tune/tune_report.h"
#include "bantam/stats/bootstrap.h"
#include "bantam/stats/set_scores.h"

namespace bantam {
namespace {

std::vector<std::size_t> places_above_half(std::span<const float> values) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > 0.5f) places.push_back(i);
  }
  return places;
}

std::vector<SetScores> scores_of(std::span<const Example> examples, const Tensor& probabilities) {
  const auto all = probabilities.span<float>();
  std::vector<SetScores> scores(examples.size());
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const std::vector<float>& targets = examples[i].targets;
    scores[i].add(places_above_half(targets),
                  places_above_half(all.subspan(i * targets.size(), targets.size())));
  }
  return scores;
}

}  // namespace

EvaluationFigures multi_label_figures(std::span<const Example> examples,
                                      const Tensor& probabilities) {
  SetScores all;
  for (const SetScores& one : scores_of(examples, probabilities)) all.add(one);
  return {{"micro_f1", all.f1()}, {"exact", all.exact_share()}};
}

TrainingSubject::Verdict multi_label_verdict(std::span<const Example> examples,
                                             const Tensor& probabilities,
                                             const std::vector<std::string>& labels) {
  const std::vector<SetScores> each = scores_of(examples, probabilities);
  const auto interval = [&](double (SetScores::*figure)() const) {
    return bootstrap_statistic(static_cast<std::uint32_t>(each.size()),
                               [&](std::span<const std::uint32_t> rows) {
                                 SetScores all;
                                 for (const std::uint32_t row : rows) all.add(each[row]);
                                 return (all.*figure)();
                               });
  };
  const Interval f1 = interval(&SetScores::f1), exact = interval(&SetScores::exact_share);
  return {.lines = {fmt::format("on {} dev rows: micro-F1 {}, all labels right {}", each.size(),
                                text_of(f1), text_of(exact))},
          .json = {{"rows", each.size()},
                   {"micro_f1", f1.value},
                   {"exact", exact.value},
                   {"labels", labels}}};
}

}  // namespace bantam
