#include "bantam/tensor/ops/checkpoint.h"

#include <unordered_set>

#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

using Segment = std::function<Tensor(std::span<const Tensor>)>;

// Keeps the gradients of the segment's inputs; those of leaves used inside go to the sink of the
// backward pass that runs the segment.
class InputGradients : public GradientSink {
 public:
  InputGradients(std::span<const Tensor> inputs, GradientSink& outer) : outer_(outer) {
    for (const Tensor& input : inputs) is_input_.insert(input.variable());
  }

  void add(VariableId variable, const Tensor& gradient) override {
    if (is_input_.contains(variable)) {
      sums_.add(variable, gradient);
    } else {
      outer_.add(variable, gradient);
    }
  }
  Tensor of(const Tensor& input) const {
    return input.wants_gradient() ? sums_.of(input) : Tensor();
  }

 private:
  GradientSink& outer_;
  std::unordered_set<VariableId> is_input_;
  GradientStore sums_;
};

Gradients run_backward(const Segment& segment, std::span<const Tensor> inputs, const Tensor& dy) {
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs)
    leaves.push_back(input.wants_gradient() ? input.as_variable() : input);
  Tape tape;
  Tensor output;
  {
    const Tape::Recording recording(tape);
    output = segment(leaves);
  }
  InputGradients sink(leaves, *Tape::running_sink());
  tape.backward(output, sink, dy);
  Gradients gradients;
  for (const Tensor& leaf : leaves) gradients.push_back(sink.of(leaf));
  return gradients;
}

}  // namespace

Tensor checkpoint(const Segment& segment, std::vector<Tensor> inputs) {
  if (Tape::current() == nullptr) return segment(inputs);
  // Recorded on a tape that is dropped at once: whether the output depends on a variable shows only
  // there, since weights are used inside without being inputs.
  Tensor output;
  {
    Tape scratch;
    const Tape::Recording recording(scratch);
    output = segment(inputs);
  }
  if (!output.wants_gradient()) return output;
  // The extra input makes the record happen when only leaves inside want gradients.
  std::vector<Tensor> recorded_inputs = inputs;
  recorded_inputs.push_back(Tensor::scalar(0).as_variable());
  return record("checkpoint", recorded_inputs, output.stop_gradient(),
                [segment, inputs = std::move(inputs),
                 rounding = RoundActivations::in_force()](const Tensor& dy) {
                  const RoundActivations as_before(rounding);
                  Gradients gradients = run_backward(segment, inputs, dy);
                  gradients.emplace_back();
                  return gradients;
                });
}

}  // namespace bantam
