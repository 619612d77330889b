// The gradient of one optimizer step, whichever way its examples are cut into micro-batches, and
// the loss of examples without one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bantam/nn/parameter.h"
#include "bantam/tensor/tape.h"
#include "bantam/train/micro_batch.h"
#include "bantam/train/objective.h"

namespace bantam {

struct StepGradients {
  GradientStore gradients;  ///< of Σ loss ÷ target_weight: normalized once, never averaged again
  double loss_sum = 0;
  double target_weight = 0;  ///< 0: nothing to learn, no gradients
  std::int64_t tokens = 0;
  LossFigures figures;  ///< sums over the step
  double loss() const { return loss_sum / target_weight; }
};

/// Sums target weights of all micro-batches first, then runs each forward and backward with the
/// gradient of its loss sum seeded by 1 ÷ that sum. `between` is called after each micro-batch but
/// the last.
StepGradients compute_gradients(const Objective& objective, std::span<const MicroBatch> batches,
                                TrainableModel model, const ObjectiveContext& context,
                                const std::function<void()>& between = {});

/// Root of the sum of squares over the gradients of all parameters, in f64 along a fixed order. Not
/// finite if any value is not.
double global_norm(const GradientStore& gradients, std::span<const Parameter> parameters);

/// Name of the first parameter whose gradient is not finite, or "the loss".
std::string first_nonfinite(const GradientStore& gradients, std::span<const Parameter> parameters);

/// Factor that brings a norm down to `limit`, as torch.nn.utils.clip_grad_norm_ computes it; 1 when
/// limit is 0. `norm` must be finite: a skipped step is never clipped.
double clip_factor(double norm, double limit);

struct LossSum {
  double sum = 0, target_weight = 0;
  /// NaN when there was no target: an empty set has no loss.
  double mean() const;
};

/// Without recording. `after_each` gets the tokens of each micro-batch.
LossSum evaluate_loss(const Objective& objective, std::span<const Example> examples,
                      std::int64_t micro_batch_tokens, TrainableModel model,
                      const std::function<void(std::int64_t)>& after_each = {});

}  // namespace bantam
