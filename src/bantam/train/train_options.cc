#include "bantam/train/train_options.h"

#include "bantam/train/objective.h"
#include "bantam/train/optimizer.h"
#include "bantam/train/schedule.h"

namespace bantam {
namespace {

template <class T>
std::vector<std::string> names_of(const Registry<T>& registry) {
  std::vector<std::string> names;
  for (const auto& entry : registry.entries) names.push_back(entry.name);
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

template <>
void describe(Describer<LengthOptions>& d) {
  d(&LengthOptions::steps, "steps", "Optimizer steps to take.",
    between<std::int64_t>(1, 1'000'000'000));
  d(&LengthOptions::epochs, "epochs",
    "Passes over the examples, at most this many within a budget; 3 when nothing is said.",
    between(1e-6, 1e6));
  d(&LengthOptions::budget, "budget",
    "Time to train for, such as 5m; the number of steps follows from the measured speed.");
}

template <>
void describe(Describer<EvaluationOptions>& d) {
  d(&EvaluationOptions::evaluate_every, "evaluate_every",
    "Steps between evaluations on the dev examples.", at_least<std::int64_t>(1));
  d(&EvaluationOptions::patience, "patience",
    "Stop after this many evaluations without a better one.", at_least(1));
  d(&EvaluationOptions::keep_best, "keep_best",
    "End with the weights of the best evaluation instead of the last step.");
}

template <>
void describe(Describer<CheckpointOptions>& d) {
  d(&CheckpointOptions::checkpoint_every, "checkpoint_every", "Steps between checkpoints.",
    at_least<std::int64_t>(1));
  d(&CheckpointOptions::keep_checkpoints, "keep_checkpoints", "Checkpoints that are kept.",
    between(1, 1000));
  d(&CheckpointOptions::accept_data_change, "accept_data_change",
    "Resume although the training data is not what the run began with.");
}

template <>
void describe(Describer<TrainOptions>& d) {
  d(&TrainOptions::objective, "objective",
    "The loss, with parameters as in seq2seq:label_smoothing=0.1; one of " +
        joined(names_of(objectives())) + ".");
  d(&TrainOptions::optimizer, "optimizer",
    "How gradients move weights, with parameters as in adamw:beta2=0.95; one of " +
        joined(names_of(optimizers())) + ".");
  d(&TrainOptions::learning_rate, "lr", "Peak learning rate.", between(1e-12, 100.0));
  d(&TrainOptions::schedule, "schedule",
    "The rate over time, with parameters as in cosine:warmup=3%; one of " +
        joined(names_of(schedules())) + ".");
  d(&TrainOptions::batch, "batch", "Examples an optimizer step.",
    between<std::int64_t>(1, 1'000'000));
  d(&TrainOptions::micro_batch_tokens, "micro_batch_tokens",
    "Tokens that pass through the model together: memory, not results, depends on it.",
    between<std::int64_t>(1, std::int64_t{1} << 24));
  d(&TrainOptions::micro_batch_examples, "micro_batch_examples",
    "Examples that pass through the model together; 0 sets no limit.", at_least<std::int64_t>(0));
  d(&TrainOptions::clip_norm, "clip_norm",
    "Gradients with a larger norm are scaled down to it; 0 never scales.", between(0.0, 1e9));
  d(&TrainOptions::weight_decay, "weight_decay",
    "Share of each weight taken away per unit of rate; norms and biases keep theirs.",
    between(0.0, 1e3));
  d(&TrainOptions::gradient_checkpointing, "gradient_checkpointing",
    "Compute each layer twice instead of keeping its values.");
  d(&TrainOptions::nonfinite_limit, "nonfinite_limit",
    "Stop after this many steps in a row without a finite loss and gradient.", at_least(1));
  d.nested(&TrainOptions::length);
  d.nested(&TrainOptions::evaluation);
  d.nested(&TrainOptions::checkpoints);
}

void validate(const TrainOptions& options) {
  const LengthOptions& length = options.length;
  if (length.steps && (length.epochs || length.budget)) {
    throw usage_error("--steps and {} contradict each other: give one length of training",
                      length.epochs ? "--epochs" : "--budget");
  }
  if (length.budget && !(length.budget->seconds >= 1)) {
    throw usage_error("budget (--budget): expected at least 1s, found {}s", length.budget->seconds);
  }
  make_objective(options.objective);
  make_optimizer(options.optimizer);
  Schedule schedule(options.schedule);
  if (length.steps) schedule.plan(*length.steps);
}

Json deciding_options(const TrainOptions& options) {
  TrainOptions copy = options;
  Json json = Json::object();
  for (const Option& option : options_of(copy)) {
    // Where and how often something is written changes no number of the run.
    if (option.key == "checkpoint_every" || option.key == "keep_checkpoints" ||
        option.key == "accept_data_change") {
      continue;
    }
    json[option.key] = option.get();
  }
  json["seed"] = options.seed;
  return json;
}

}  // namespace bantam
