#include "bantam/train/gradient_pass.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/reduce.h"

namespace bantam {
namespace {

void add_figures(LossFigures& sums, const LossFigures& figures) {
  for (const auto& [name, value] : figures) {
    const auto found =
        std::find_if(sums.begin(), sums.end(), [&](const auto& sum) { return sum.first == name; });
    if (found == sums.end()) {
      sums.emplace_back(name, value);
    } else {
      found->second += value;
    }
  }
}

}  // namespace

StepGradients compute_gradients(const Objective& objective, std::span<const MicroBatch> batches,
                                TrainableModel model, const ObjectiveContext& context,
                                const std::function<void()>& between) {
  StepGradients step;
  for (const MicroBatch& batch : batches) {
    for (const Example* example : batch.examples) {
      step.target_weight += objective.target_weight(*example);
    }
    step.tokens += batch.tokens();
  }
  if (step.target_weight == 0) return step;
  const RoundActivations rounded(Rounding::training);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    Tape tape;
    Loss loss;
    {
      const Tape::Recording recording(tape);
      loss = objective.loss(batches[i], model, context);
    }
    if (loss.sum.defined()) {
      step.loss_sum += loss.sum.item();
      tape.backward(loss.sum, step.gradients,
                    Tensor::full({}, 1 / step.target_weight, loss.sum.dtype()));
    }
    add_figures(step.figures, loss.figures);
    if (between && i + 1 < batches.size()) between();
  }
  return step;
}

double global_norm(const GradientStore& gradients, std::span<const Parameter> parameters) {
  double squares = 0;
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = gradients.of(*parameter.tensor);
    if (!gradient.defined()) continue;
    const double norm = l2_norm(gradient);
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

std::string first_nonfinite(const GradientStore& gradients, std::span<const Parameter> parameters) {
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = gradients.of(*parameter.tensor);
    if (gradient.defined() && !all_finite(gradient)) return "the gradient of " + parameter.name;
  }
  return "the loss";
}

double clip_factor(double norm, double limit) {
  return limit == 0 ? 1 : std::min(1.0, limit / (norm + 1e-6));
}

double LossSum::mean() const {
  return target_weight == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / target_weight;
}

LossSum evaluate_loss(const Objective& objective, std::span<const Example> examples,
                      std::int64_t micro_batch_tokens, TrainableModel model,
                      const std::function<void(std::int64_t)>& after_each) {
  const Tape::Paused paused;
  const RoundActivations rounded(Rounding::training);
  std::vector<const Example*> all;
  for (const Example& example : examples) all.push_back(&example);
  LossSum total;
  for (const MicroBatch& batch : split_by_tokens(all, micro_batch_tokens)) {
    const Loss loss = objective.loss(batch, model, {});
    if (loss.sum.defined()) total.sum += loss.sum.item();
    total.target_weight += loss.target_weight;
    if (after_each) after_each(batch.tokens());
  }
  return total;
}

}  // namespace bantam
