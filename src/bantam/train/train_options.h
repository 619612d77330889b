// Everything that decides what a training run computes, each option declared once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bantam/base/options.h"

namespace bantam {

/// How long a run is: steps, epochs, a budget, a budget with a limit in epochs, or nothing for
/// three epochs.
struct LengthOptions {
  std::optional<std::int64_t> steps;
  std::optional<double> epochs;
  std::optional<Duration> budget;  ///< of training, evaluation on dev examples included
};

struct EvaluationOptions {
  std::optional<std::int64_t> evaluate_every;  ///< derived: ten times a run
  std::optional<int> patience;                 ///< none: the run is as long as planned
  /// At the end, go back to the weights of the best evaluation; by dev loss, only when they are
  /// better by more than a standard error of the difference.
  bool keep_best = true;
};

struct CheckpointOptions {
  std::optional<std::int64_t> checkpoint_every;  ///< derived: ten times a run
  int keep_checkpoints = 2;
  bool accept_data_change = false;
};

struct TrainOptions {
  std::string objective = "sft";
  std::string optimizer = "adamw";
  double learning_rate = 1e-3;
  std::string schedule = "cosine:warmup=3%";
  std::int64_t batch = 16;
  std::int64_t micro_batch_tokens = 2048;
  std::int64_t micro_batch_examples = 0;
  double clip_norm = 1;
  double weight_decay = 0;
  bool gradient_checkpointing = false;
  int nonfinite_limit = 3;
  LengthOptions length;
  EvaluationOptions evaluation;
  CheckpointOptions checkpoints;
  std::int64_t seed = 1234;  ///< a shared flag of all commands, so not described here
};

template <>
void describe(Describer<LengthOptions>& d);
template <>
void describe(Describer<EvaluationOptions>& d);
template <>
void describe(Describer<CheckpointOptions>& d);
template <>
void describe(Describer<TrainOptions>& d);

/// Refuses what no single range check can see: two lengths at once, an unknown objective, optimizer
/// or schedule. Throws Error(usage) naming both keys, or the name and the known ones.
void validate(const TrainOptions& options);

/// Options that decide the numbers of a run, as JSON: what a resumed run must share with the
/// interrupted one.
Json deciding_options(const TrainOptions& options);

}  // namespace bantam
