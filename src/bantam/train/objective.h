// Objectives: functions from a micro-batch and a model to a loss. The trainer knows nothing of any
// loss; a new objective is one file in objectives/ and one line in objectives.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bantam/base/options.h"
#include "bantam/model/open_model.h"
#include "bantam/tensor/tensor.h"
#include "bantam/train/micro_batch.h"
#include "bantam/train/trainable_model.h"

namespace bantam {

/// Figures of one micro-batch, each a sum that the trainer adds up over a step and divides by the
/// step's target weight: {"correct", 17} becomes train/correct = 0.81.
using LossFigures = std::vector<std::pair<std::string, double>>;

/// A sum, never a mean: the trainer divides by the target weight of the whole optimizer step, so
/// that the way a step is cut into micro-batches cannot change the gradient.
struct Loss {
  Tensor sum;                ///< [] on the tape; undefined when the micro-batch has no target
  double target_weight = 0;  ///< of this micro-batch
  LossFigures figures;
};

struct ObjectiveContext {
  std::int64_t step = 0;  ///< optimizer steps taken before this one
  std::uint64_t seed = 0;
};

struct Objective {
  /// What an example adds to the denominator; known before the first forward pass.
  std::function<double(const Example&)> target_weight;
  std::function<Loss(const MicroBatch&, const TrainableModel&, const ObjectiveContext&)> loss;
};

struct ObjectiveEntry {
  ModelKind trains = ModelKind::decoder;
  Objective (*make)(const Spec& spec) = nullptr;
};

/// Every objective, in a list one can read.
const Registry<ObjectiveEntry>& objectives();

/// "sft", "seq2seq:label_smoothing=0.1". Throws Error(usage) naming what is unknown or out of
/// range.
Objective make_objective(std::string_view spec);

/// Throws Error(usage) when the objective trains another kind of model than `kind`, which is that
/// of `model`; names the objectives that fit.
void require_objective_for(ModelKind kind, std::string_view spec, std::string_view model);

}  // namespace bantam
