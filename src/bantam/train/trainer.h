// The trainer: optimizer steps and everything around them. It knows nothing of any loss.
//
//   Trainer trainer(model, ParameterSet::select(model.parameters(), "adapters", layers),
//                   {train, dev}, options, hooks, folder);
//   if (resume) trainer.resume();
//   TrainResult result = trainer.run();
//
// One step: examples of the window -> micro-batches -> gradients (summed, normalized once) -> one
// check for finite numbers -> clipping by the global norm -> optimizer, with the schedule's rate.
// A step with a loss or gradient that is not finite is skipped before clipping; steps, schedule and
// data go on (reliability R8).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"
#include "bantam/base/run_store.h"
#include "bantam/nn/parameter.h"
#include "bantam/train/checkpoint.h"
#include "bantam/train/data_order.h"
#include "bantam/train/folder_lock.h"
#include "bantam/train/gradient_pass.h"
#include "bantam/train/loss_log.h"
#include "bantam/train/nonfinite_policy.h"
#include "bantam/train/objective.h"
#include "bantam/train/optimizer.h"
#include "bantam/train/schedule.h"
#include "bantam/train/step_plan.h"
#include "bantam/train/train_options.h"
#include "bantam/train/training_state.h"

namespace bantam {

/// Both must outlive the trainer. Without dev examples there is no evaluation, unless a hook does
/// it.
struct TrainingData {
  std::span<const Example> train, dev;
};

using EvaluationFigures = std::vector<std::pair<std::string, double>>;

struct TrainHooks {
  ProgressSink* progress = nullptr;  ///< null: silent
  Run* run = nullptr;                ///< null: nothing is recorded
  /// Judges the model at each evaluation instead of the dev loss; higher is better.
  std::function<double(std::int64_t step)> evaluate = {};
  std::string evaluate_name = "score";  ///< recorded as eval/NAME
  /// Further figures of the model at each evaluation, noted and recorded as eval/NAME; they decide
  /// nothing.
  std::function<EvaluationFigures()> measure = {};
  /// Called at named points of a step and of saving; tests end the process there.
  std::function<void(std::string_view point, std::int64_t step)> at_point = {};
};

struct TrainResult {
  std::int64_t steps = 0;            ///< taken, those before a resume included
  double loss = 0;                   ///< of the last step
  std::optional<Evaluation> best;    ///< none without evaluation
  std::int64_t kept_step = 0;        ///< whose weights the model has now
  bool stopped_early = false;        ///< patience ran out
  std::int64_t nonfinite_steps = 0;  ///< skipped
  std::int64_t empty_steps = 0;      ///< skipped: no target in any of their examples
  std::int64_t tokens = 0;           ///< of all steps
  double seconds = 0;                ///< of this process, evaluation and checkpoints included
  double tokens_per_second = 0;      ///< of training steps alone, this process
  StepPlan plan;
};

class Trainer {
 public:
  /// Makes `parameters` trainable. `folder` receives checkpoints and log.jsonl; empty: nothing is
  /// written. Throws Error(usage) for options that contradict each other, Error(input) when there
  /// are no examples or none has a target.
  Trainer(TrainableModel model, ParameterSet parameters, TrainingData data,
          const TrainOptions& options, TrainHooks hooks = {}, Path folder = {});

  /// Goes to the newest usable checkpoint of the folder; false when there is none. Throws
  /// Error(usage) naming an option that differs, Error(input) when the data changed and
  /// accept_data_change is off, or when a weight does not fit.
  bool resume();

  /// Steps, evaluations, checkpoints; derived at the first call (with a budget by timing a few
  /// steps without updates) or read from the checkpoint.
  const StepPlan& plan();

  /// Tokens a second, from forward and backward passes of the first windows whose gradients are
  /// thrown away: at least two windows, at most eight, none begun after `seconds`.
  double measure_speed(double seconds);

  /// Trains to the end, or until patience runs out. On SIGINT or SIGTERM (base/progress.h,
  /// Interrupt) finishes the step, saves, and throws Interrupted. Throws Error(diverged) by the
  /// policy for numbers that are not finite, Error(resources) when no checkpoint can be written.
  TrainResult run();

 private:
  TrainableModel model_;
  ParameterSet parameters_;
  TrainingData data_;
  TrainOptions options_;
  TrainHooks hooks_;
  Path folder_;
  ProgressSink& progress_;
  Objective objective_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  DataOrder order_;
  NonfinitePolicy nonfinite_;
  std::string data_hash_;
  std::vector<std::vector<Tensor>> optimizer_state_;  ///< one list for each parameter
  std::optional<FolderLock> lock_;
  std::optional<CheckpointStore> store_;
  std::optional<LossLog> log_;

  TrainingState state_;
  std::int64_t kept_step_ = 0;
  NamedTensorList best_weights_;  ///< kept here when there is no folder
  std::int64_t saved_step_ = -1;
  double training_seconds_ = 0;  ///< of this process, steps alone
  std::int64_t trained_tokens_ = 0;

  void at(std::string_view point) const;
  std::vector<MicroBatch> micro_batches(std::span<const Example* const> window) const;
  PlanFacts facts() const;

  void take_step();
  bool skip_if_nonfinite(const StepGradients& gradients, double norm,
                         std::span<const Example* const> window);
  void apply(const StepGradients& gradients, double norm, double rate);
  void record_step(const StepGradients& gradients, double norm, double rate);
  bool is_due(std::int64_t every) const;
  void evaluate();
  void record_evaluation(const Evaluation& evaluation, const EvaluationFigures& figures);
  void take_best(const Evaluation& evaluation);
  std::vector<double> dev_losses() const;
  void set_weights(const NamedTensorList& weights);
  void restore_best();
  bool out_of_patience() const;
  void stop_if_interrupted();
  TrainResult result(double seconds) const;

  NamedTensorList weights() const;
  NamedTensorList optimizer_tensors() const;
  void save();
  void restore(Checkpoint checkpoint);
  void require_same_run(const Json& state) const;
};

}  // namespace bantam
