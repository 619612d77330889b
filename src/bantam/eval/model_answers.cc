#include "bantam/eval/model_answers.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/eval/repetition.h"
#include "bantam/generate/generator.h"
#include "bantam/generate/scorer.h"

namespace bantam {
namespace {

// Options a hundred times less likely than the answer are not read to their end. They change
// neither the answer nor any loss, and its probability by less than 1 % each.
constexpr double kLeftOut = 0.01;

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string trimmed(const std::string& text) {
  constexpr const char* kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// The options' probabilities given that one of them is the answer, from their log-probabilities.
std::vector<double> normalized(const std::vector<double>& log_probabilities) {
  const double largest = *std::ranges::max_element(log_probabilities);
  std::vector<double> out;
  double sum = 0;
  for (const double value : log_probabilities) {
    out.push_back(std::exp(value - largest));
    sum += out.back();
  }
  for (double& value : out) value /= sum;
  return out;
}

struct Stretch {
  std::size_t begin = 0, end = 0;
};

// The last run of tokens that have weight.
Stretch reference_of(const Example& example) {
  Stretch found;
  found.end = example.weights.size();
  while (found.end > 0 && example.weights[found.end - 1] == 0) --found.end;
  found.begin = found.end;
  while (found.begin > 0 && example.weights[found.begin - 1] != 0) --found.begin;
  return found;
}

}  // namespace

SystemResult answer_by_likelihood(const LoadedModel& model, std::string name,
                                  std::span<const Row> rows, std::span<const std::string> labels,
                                  const TaskTemplate& task, const std::string& prefix,
                                  ProgressSink& progress) {
  const auto start = Clock::now();
  std::vector<std::string> options;
  Row labelled;
  for (const std::string& label : labels) {
    labelled.label = label;
    options.push_back(fill_template(task.answer, labelled));
  }
  std::vector<Question> questions;
  for (const Row& row : rows) {
    questions.push_back(make_question(*model.tokenizer, prefix + fill_template(task.prompt, row),
                                      options, Boundary::separate));
    const auto truth = std::ranges::find(labels, row.label);  // its loss is wanted in any case
    if (truth != labels.end()) {
      questions.back().always_read = static_cast<std::int32_t>(truth - labels.begin());
    }
  }
  SystemResult result;
  result.name = std::move(name);
  progress.note(result.name);
  ScorerOptions scoring;
  scoring.left_out = kLeftOut;
  const std::vector<OptionScores> scores = Scorer(model.model, scoring).score(questions, progress);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto& values = scores[i].log_probability;
    const auto best = static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
    const std::int32_t truth = questions[i].always_read;
    RowAnswer answer;
    answer.text = labels[best];
    answer.correct = static_cast<std::int32_t>(best) == truth;
    answer.probability = normalized(values)[best];
    if (truth >= 0) {
      answer.truth_loss = -values[static_cast<std::size_t>(truth)];
      answer.truth_tokens = scores[i].tokens[static_cast<std::size_t>(truth)];
    }
    result.answers.push_back(std::move(answer));
  }
  result.seconds = seconds_since(start);
  score(result, rows, labels);
  return result;
}

SystemResult answer_by_writing(const LoadedModel& model, std::string name,
                               std::span<const Row> rows, std::span<const Example> examples,
                               std::int64_t max_tokens, WritingReport& report,
                               ProgressSink& progress) {
  const auto start = Clock::now();
  if (rows.size() != examples.size()) {
    throw internal_error("{}: {} rows but {} examples", name, rows.size(), examples.size());
  }
  std::vector<Request> requests;
  std::vector<RollingText> references;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const Stretch reference = reference_of(examples[i]);
    if (reference.begin == 0 || reference.begin == reference.end) {
      throw input_error("{}: the row has no answer to compare with", where_is(rows[i]));
    }
    const auto& ids = examples[i].ids;
    Request request;
    request.prompt.assign(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(reference.begin));
    request.options.decode = "greedy";
    request.options.max_tokens = max_tokens;
    requests.push_back(std::move(request));
    references.push_back({{ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(reference.end)},
                          static_cast<std::int64_t>(reference.begin)});
  }
  SystemResult result;
  result.name = std::move(name);
  ProgressPhase phase(progress, result.name, static_cast<double>(rows.size()), "rows");
  const auto losses = Scorer(model.model).token_log_probabilities(references);
  double done = 0;
  Generator generator(model);
  GenerateHooks hooks;
  hooks.on_done = [&](std::size_t, const Completion&) { phase.advance(++done); };
  const auto completions = generator.generate(requests, hooks);
  report = {};
  for (std::size_t i = 0; i < completions.size(); ++i) {
    if (!completions[i].error.empty())
      throw input_error("{}: {}", where_is(rows[i]), completions[i].error);
    const Choice& choice = completions[i].choices.front();
    RowAnswer answer;
    answer.text = choice.text;
    answer.correct = trimmed(choice.text) == trimmed(answer_of(rows[i]));
    for (const double value : losses[i]) answer.truth_loss -= value;
    answer.truth_tokens = static_cast<std::int64_t>(losses[i].size());
    const double repetition = repetition_rate(choice.tokens);
    report.mean_repetition += repetition;
    report.looping += repetition > 0.5 ? 1 : 0;
    report.unfinished += choice.finish_reason == FinishReason::length ? 1 : 0;
    result.answers.push_back(std::move(answer));
  }
  const double count = std::max<double>(1, static_cast<double>(rows.size()));
  report.mean_repetition /= count;
  report.looping /= count;
  report.unfinished /= count;
  result.seconds = seconds_since(start);
  score(result, rows, {});
  return result;
}

}  // namespace bantam
