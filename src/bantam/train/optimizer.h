// Optimizers: state plus one update. Clipping, schedules, accumulation and checkpoints happen
// around them, in the trainer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "bantam/base/options.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

/// What one update reads besides weight, gradient and state.
struct UpdateStep {
  double rate = 0;            ///< learning rate of this step
  double weight_decay = 0;    ///< 0 for weights that do not decay
  double gradient_scale = 1;  ///< gradients are multiplied by it first: the clipping factor
  std::int64_t count = 1;     ///< updates so far, this one included; skipped steps do not count
};

/// All tensors f32, contiguous, of the weight's shape. One pass over memory, in chunks of fixed
/// size, each element computed alone: the number of threads does not change a bit.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Names of the state tensors that each weight has, as torch names them: {"exp_avg",
  /// "exp_avg_sq"}. All start at zero.
  virtual std::span<const std::string_view> state_names() const = 0;
  /// Moves `weight`. `state` holds one tensor for each of state_names(), in order.
  virtual void update(Tensor& weight, const Tensor& gradient, std::span<Tensor> state,
                      const UpdateStep& step) const = 0;
};

using OptimizerMaker = std::unique_ptr<Optimizer> (*)(const Spec& spec);

/// Every optimizer, in a list one can read.
const Registry<OptimizerMaker>& optimizers();

/// "adamw", "adamw:beta2=0.95", "sgd:momentum=0.9". Throws Error(usage) naming what is unknown or
/// out of range.
std::unique_ptr<Optimizer> make_optimizer(std::string_view spec);

/// The optimizer has one chunk of this many elements for each task of a thread.
inline constexpr std::int64_t kUpdateChunk = 16384;

}  // namespace bantam
