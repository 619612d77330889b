#include "bantam/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "bantam/base/error.h"
#include "bantam/base/system_error.h"

namespace bantam {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t count_tokens(std::span<const Example> examples) {
  std::int64_t total = 0;
  for (const Example& example : examples) total += example.tokens();
  return total;
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

void require_targets(const Objective& objective, std::span<const Example> examples) {
  for (const Example& example : examples) {
    if (objective.target_weight(example) != 0) return;
  }
  throw input_error(
      "training data: none of the {} examples has a target; check roles and "
      "answers with `bantam data show`",
      examples.size());
}

TrainOptions checked(const TrainOptions& options) {
  validate(options);
  return options;
}

}  // namespace

Trainer::Trainer(TrainableModel model, ParameterSet parameters, TrainingData data,
                 const TrainOptions& options, TrainHooks hooks, Path folder)
    : model_(model),
      parameters_(std::move(parameters)),
      data_(data),
      options_(checked(options)),
      hooks_(std::move(hooks)),
      folder_(std::move(folder)),
      progress_(hooks_.progress == nullptr ? silent_progress() : *hooks_.progress),
      objective_(make_objective(options_.objective)),
      optimizer_(make_optimizer(options_.optimizer)),
      schedule_(options_.schedule),
      order_(data.train, options_.batch, static_cast<std::uint64_t>(options_.seed)),
      nonfinite_(options_.nonfinite_limit) {
  require_targets(objective_, data_.train);
  data_hash_ = hash_of_examples(data_.train);
  parameters_.make_trainable();
  for (const Parameter& parameter : parameters_.parameters()) {
    std::vector<Tensor>& slots = optimizer_state_.emplace_back();
    for (std::size_t i = 0; i < optimizer_->state_names().size(); ++i) {
      slots.push_back(Tensor::zeros(parameter.tensor->shape()));
    }
  }
  if (folder_.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  if (failed) throw system_error(failed.value(), folder_, "make the folder", Error::Kind::usage);
  lock_.emplace(folder_);
  remove_partial_folders(folder_);
  store_.emplace(folder_, options_.checkpoints.keep_checkpoints, progress_);
}

void Trainer::at(std::string_view point) const {
  if (hooks_.at_point) hooks_.at_point(point, state_.step);
}

std::vector<MicroBatch> Trainer::micro_batches(std::span<const Example* const> window) const {
  return split_by_tokens(window, options_.micro_batch_tokens, options_.micro_batch_examples);
}

// --- the plan

PlanFacts Trainer::facts() const {
  const auto examples = static_cast<std::int64_t>(data_.train.size());
  return {.examples = examples,
          .steps_per_epoch = order_.steps_per_epoch(),
          .tokens_per_step = static_cast<double>(count_tokens(data_.train)) /
                             static_cast<double>(order_.steps_per_epoch()),
          .dev_tokens = static_cast<double>(count_tokens(data_.dev))};
}

// Forward and backward of the first windows, gradients thrown away, so that the schedule knows its
// length before the first step. The first window is not counted: it pays for fresh memory.
double Trainer::measure_speed(double most_seconds) {
  constexpr int kMostWindows = 8;
  const ProgressPhase phase(progress_, "Measuring the speed of training", 0, "steps");
  const Clock::time_point start = Clock::now();
  double seconds = 0, tokens = 0;
  for (int i = 0; i < kMostWindows; ++i) {
    const Clock::time_point begin = Clock::now();
    const StepGradients step =
        compute_gradients(objective_, micro_batches(order_.window(i)), model_, {});
    global_norm(step.gradients, parameters_.parameters());
    if (i > 0) seconds += seconds_since(begin), tokens += static_cast<double>(step.tokens);
    if (i > 0 && tokens > 0 && seconds_since(start) > most_seconds) break;
  }
  return tokens / seconds;
}

const StepPlan& Trainer::plan() {
  if (!state_.plan) {
    PlanFacts facts = this->facts();
    TrainOptions options = options_;
    if (hooks_.evaluate && facts.dev_tokens == 0) facts.dev_tokens = 1;  // evaluated by the hook
    if (options.length.budget) {
      const Clock::time_point start = Clock::now();
      constexpr double kShareForMeasuring = 0.03;
      facts.tokens_per_second = measure_speed(kShareForMeasuring * options.length.budget->seconds);
      const double left = options.length.budget->seconds - seconds_since(start);
      options.length.budget->seconds = std::max(left, 0.0);
    }
    state_.plan = plan_steps(options, facts);
  }
  schedule_.plan(state_.plan->steps);
  return *state_.plan;
}

// --- one step

void Trainer::take_step() {
  const std::vector<const Example*> window = order_.window(state_.step);
  if (state_.step % order_.steps_per_epoch() == 0) at("first-of-epoch");
  if (order_.is_last_of_epoch(state_.step)) at("last-of-epoch");
  const Clock::time_point begin = Clock::now();
  const ObjectiveContext context{state_.step, static_cast<std::uint64_t>(options_.seed)};
  const StepGradients gradients = compute_gradients(objective_, micro_batches(window), model_,
                                                    context, [this] { at("mid-accumulation"); });
  at("after-backward");
  const double rate = options_.learning_rate * schedule_.factor(state_.step);
  double norm = 0;
  if (gradients.target_weight == 0) {
    ++state_.empty_steps;
    progress_.note(fmt::format("step {} skipped: none of its examples has a token to learn: {}",
                               state_.step + 1, name_examples(window)));
  } else {
    norm = global_norm(gradients.gradients, parameters_.parameters());
    if (!skip_if_nonfinite(gradients, norm, window)) {
      at("before-optimizer");
      apply(gradients, norm, rate);
      at("mid-step");
    }
  }
  training_seconds_ += seconds_since(begin);
  trained_tokens_ += gradients.tokens;
  state_.tokens += gradients.tokens;
  ++state_.step;
  record_step(gradients, norm, rate);
}

bool Trainer::skip_if_nonfinite(const StepGradients& gradients, double norm,
                                std::span<const Example* const> window) {
  if (std::isfinite(gradients.loss_sum) && std::isfinite(norm)) {
    nonfinite_.good();
    return false;
  }
  const std::string tensor = std::isfinite(gradients.loss_sum)
                                 ? first_nonfinite(gradients.gradients, parameters_.parameters())
                                 : "the loss";
  const std::string examples = name_examples(window);
  progress_.note(fmt::format("step {} skipped: {} is not finite; its examples: {}", state_.step + 1,
                             tensor, examples));
  nonfinite_.skipped(state_.step + 1, tensor, examples);
  return true;
}

void Trainer::apply(const StepGradients& gradients, double norm, double rate) {
  ++state_.updates;
  UpdateStep update{.rate = rate,
                    .gradient_scale = clip_factor(norm, options_.clip_norm),
                    .count = state_.updates};
  for (std::size_t i = 0; i < parameters_.parameters().size(); ++i) {
    const Parameter& parameter = parameters_.parameters()[i];
    const Tensor gradient = gradients.gradients.of(*parameter.tensor);
    if (!gradient.defined()) continue;  // nothing in this step depended on it
    const bool decays =
        parameter.role != ParameterRole::norm && parameter.role != ParameterRole::bias;
    update.weight_decay = decays ? options_.weight_decay : 0;
    optimizer_->update(*parameter.tensor, gradient, optimizer_state_[i], update);
  }
}

void Trainer::record_step(const StepGradients& gradients, double norm, double rate) {
  const bool empty = gradients.target_weight == 0;
  const double loss = empty ? std::numeric_limits<double>::quiet_NaN() : gradients.loss();
  const bool finite = std::isfinite(loss) && std::isfinite(norm);
  if (finite) state_.last_loss = loss;
  if (log_) {
    Json line{{"step", state_.step},
              {"epoch", order_.epoch_of(state_.step - 1)},
              {"loss", number(loss)},
              {"gradient_norm", number(norm)},
              {"learning_rate", rate},
              {"tokens", gradients.tokens},
              {"targets", gradients.target_weight}};
    if (!finite && !empty) line["nonfinite"] = true;
    log_->add(line);
  }
  const double speed = static_cast<double>(trained_tokens_) / training_seconds_;
  if (hooks_.run != nullptr) {
    hooks_.run->log(state_.step, "train/loss", loss);
    hooks_.run->log(state_.step, "train/grad_norm", norm);
    hooks_.run->log(state_.step, "train/learning_rate", rate);
    hooks_.run->log(state_.step, "train/tokens_per_second", speed);
    if (nonfinite_.count() > 0) {
      hooks_.run->log(state_.step, "train/nonfinite_steps",
                      static_cast<double>(nonfinite_.count()));
    }
    for (const auto& [name, sum] : gradients.figures) {
      hooks_.run->log(state_.step, "train/" + name, sum / gradients.target_weight);
    }
  }
  progress_.advance(static_cast<double>(state_.step),
                    {{"loss", loss},
                     {"tokens/s", speed},
                     {"memory MiB", static_cast<double>(tensor_memory().current >> 20)}});
}

// --- evaluation

bool Trainer::is_due(std::int64_t every) const {
  return every > 0 && (state_.step % every == 0 || state_.step == state_.plan->steps);
}

void Trainer::evaluate() {
  at("evaluation");
  Evaluation evaluation{.step = state_.step, .loss = std::numeric_limits<double>::quiet_NaN()};
  if (!data_.dev.empty()) {
    evaluation.loss =
        evaluate_loss(objective_, data_.dev, options_.micro_batch_tokens, model_).mean();
  }
  evaluation.value = -evaluation.loss;
  if (hooks_.evaluate) {
    const Tape::Paused paused;
    evaluation.value = hooks_.evaluate(state_.step);
  }
  EvaluationFigures figures;
  if (hooks_.evaluate) figures.emplace_back(hooks_.evaluate_name, evaluation.value);
  if (hooks_.measure) {
    const EvaluationFigures more = hooks_.measure();
    figures.insert(figures.end(), more.begin(), more.end());
    std::string text = fmt::format("step {}: dev loss {:.4f}", state_.step, evaluation.loss);
    for (const auto& [name, value] : more) text += fmt::format(", {} {:.3f}", name, value);
    progress_.note(text);
  }
  record_evaluation(evaluation, figures);
  take_best(evaluation);
}

void Trainer::record_evaluation(const Evaluation& evaluation, const EvaluationFigures& figures) {
  if (log_) {
    Json line{{"step", state_.step}, {"eval_loss", number(evaluation.loss)}};
    for (const auto& [name, value] : figures) line["eval_" + name] = number(value);
    log_->add(line);
  }
  if (hooks_.run == nullptr) return;
  hooks_.run->log(state_.step, "eval/loss", evaluation.loss);
  for (const auto& [name, value] : figures) hooks_.run->log(state_.step, "eval/" + name, value);
}

void Trainer::take_best(const Evaluation& evaluation) {
  const bool better =
      std::isfinite(evaluation.value) && (!state_.best || evaluation.value > state_.best->value);
  if (!better) {
    ++state_.evaluations_since_best;
    return;
  }
  state_.best = evaluation;
  state_.evaluations_since_best = 0;
  if (!options_.evaluation.keep_best) return;
  if (store_) {
    store_->save_best(state_.step, weights());
    return;
  }
  best_weights_.clear();
  for (const auto& [name, tensor] : weights()) best_weights_.emplace_back(name, tensor.clone());
}

// Sums of losses over groups of dev rows: enough groups to tell a difference from chance, large
// enough to be fast.
std::vector<double> Trainer::dev_losses() const {
  const std::size_t size = std::max<std::size_t>(1, data_.dev.size() / 16);
  std::vector<double> sums;
  for (std::size_t begin = 0; begin < data_.dev.size(); begin += size) {
    const auto group = data_.dev.subspan(begin, std::min(size, data_.dev.size() - begin));
    sums.push_back(evaluate_loss(objective_, group, options_.micro_batch_tokens, model_).sum);
  }
  return sums;
}

namespace {

// True when the sum of a - b is above zero by more than its standard error.
bool is_clearly_above(std::span<const double> a, std::span<const double> b) {
  const auto count = static_cast<double>(a.size());
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] - b[i];
    squares += (a[i] - b[i]) * (a[i] - b[i]);
  }
  if (a.size() < 2) return sum > 0;
  const double variance = (squares - sum * sum / count) / (count - 1);
  return sum > std::sqrt(count * std::max(variance, 0.0));
}

}  // namespace

void Trainer::set_weights(const NamedTensorList& weights) {
  for (const Parameter& parameter : parameters_.parameters()) {
    const auto found =
        std::ranges::find(weights, parameter.name, [](const auto& one) { return one.first; });
    if (found == weights.end()) throw input_error("no weight named {}", parameter.name);
    parameter.tensor->copy_from(found->second);
  }
}

// Dev rows are few, and the best of ten evaluations is often the luckiest: by their loss, earlier
// weights replace the last ones only when that is more than chance.
void Trainer::restore_best() {
  kept_step_ = state_.step;
  if (!options_.evaluation.keep_best || !state_.best || state_.best->step == state_.step) return;
  const std::string step = with_commas(state_.best->step);
  NamedTensorList last;
  for (const auto& [name, tensor] : weights()) last.emplace_back(name, tensor.clone());
  try {
    const bool by_loss = !hooks_.evaluate;
    const std::vector<double> last_losses = by_loss ? dev_losses() : std::vector<double>();
    set_weights(store_ ? store_->best(state_.best->step) : best_weights_);
    if (by_loss && !is_clearly_above(last_losses, dev_losses())) {
      set_weights(last);
      progress_.note(fmt::format(
          "kept the weights of the last step: those of step {} were better by less than chance",
          step));
      return;
    }
    kept_step_ = state_.best->step;
    progress_.note(fmt::format("kept the weights of step {}, the best evaluation", step));
  } catch (const Error& error) {
    set_weights(last);
    progress_.note(
        fmt::format("the weights of the best evaluation (step {}) are gone, so those of "
                    "the last step stay: {}",
                    step, error.what()));
  }
}

bool Trainer::out_of_patience() const {
  return options_.evaluation.patience &&
         state_.evaluations_since_best >= *options_.evaluation.patience;
}

// --- the run

void Trainer::stop_if_interrupted() {
  const int signal = Interrupt::requested();
  if (signal == 0) return;
  if (store_ && saved_step_ != state_.step) save();
  throw Interrupted(
      signal,
      fmt::format(
          "training stopped in order after step {} of {}{}", state_.step, state_.plan->steps,
          store_ ? fmt::format("; go on with `bantam train resume {}`", escaped(folder_.native()))
                 : ""));
}

TrainResult Trainer::run() {
  plan();
  if (store_ && !log_) log_.emplace(folder_, 0);
  const Clock::time_point start = Clock::now();
  {
    const ProgressPhase phase(progress_, "Training", static_cast<double>(state_.plan->steps),
                              "steps");
    while (state_.step < state_.plan->steps && !out_of_patience()) {
      take_step();
      if (is_due(state_.plan->evaluate_every)) evaluate();
      const bool last = state_.step == state_.plan->steps || out_of_patience();
      if (store_ && (last || is_due(state_.plan->checkpoint_every))) save();
      stop_if_interrupted();
    }
  }
  at("after-last-step");
  restore_best();
  return result(seconds_since(start));
}

TrainResult Trainer::result(double seconds) const {
  return {.steps = state_.step,
          .loss = state_.last_loss,
          .best = state_.best,
          .kept_step = kept_step_,
          .stopped_early = state_.step<state_.plan->steps, .nonfinite_steps = nonfinite_.count(),
                                       .empty_steps = state_.empty_steps, .tokens = state_.tokens,
                                       .seconds = seconds, .tokens_per_second = training_seconds_> 0
                               ? static_cast<double>(trained_tokens_) / training_seconds_
                               : 0,
          .plan = *state_.plan};
}

}  // namespace bantam
