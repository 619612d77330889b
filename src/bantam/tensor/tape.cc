#include "bantam/tensor/tape.h"

#include <algorithm>
#include <atomic>

#include "bantam/tensor/ops/elementwise.h"

namespace bantam {
namespace {

thread_local Tape* current_tape = nullptr;
thread_local GradientSink* current_sink = nullptr;

// Outputs of records carry this bit, leaves do not: backward() hands a leaf's gradient on at once
// instead of holding the gradients of all weights until the end.
constexpr VariableId kRecorded = VariableId{1} << 63;

VariableId next_variable() {
  static std::atomic<VariableId> counter{0};
  return ++counter;
}

// Restores the previous sink when backward() ends, by exception too: checkpointed segments nest.
class SinkScope {
 public:
  explicit SinkScope(GradientSink& sink) : previous_(current_sink) { current_sink = &sink; }
  ~SinkScope() { current_sink = previous_; }
  SinkScope(const SinkScope&) = delete;
  SinkScope& operator=(const SinkScope&) = delete;

 private:
  GradientSink* previous_;
};

void accumulate(std::unordered_map<VariableId, Tensor>& sums, VariableId variable,
                const Tensor& gradient) {
  const auto [place, is_new] = sums.try_emplace(variable, gradient);
  if (is_new) return;
  Tensor& sum = place->second;
  // The first gradient may be shared with another variable: add() passes dy on twice.
  if (sum.is_sole_owner() && sum.is_contiguous()) {
    add_to(sum, gradient);
  } else {
    sum = add(sum, gradient);
  }
}

}  // namespace

Tensor Tensor::as_variable() const { return with_variable(next_variable()); }

void GradientStore::add(VariableId variable, const Tensor& gradient) {
  const auto found = sums_.find(variable);
  if (found == sums_.end()) {
    // A gradient that only the caller holds becomes the sum itself; one that is shared further is
    // copied, since owners of the sums may write into them.
    const bool adopt = gradient.is_sole_owner() && gradient.is_contiguous();
    sums_.emplace(variable, adopt ? gradient.stop_gradient() : gradient.clone());
    return;
  }
  Tensor& sum = found->second;
  if (!(sum.shape() == gradient.shape()) || sum.dtype() != gradient.dtype()) {
    throw internal_error("gradient of {} {} added to one of {} {}", info(gradient.dtype()).name,
                         gradient.shape().text(), info(sum.dtype()).name, sum.shape().text());
  }
  if (!sum.is_sole_owner()) sum = sum.clone();  // the caller kept its handle
  add_to(sum, gradient);
}

Tensor* GradientStore::sum_so_far(VariableId variable) {
  const auto found = sums_.find(variable);
  if (found == sums_.end()) return nullptr;
  Tensor& sum = found->second;
  if (!sum.is_sole_owner()) sum = sum.clone();
  return &sum;
}

Tensor GradientStore::of(VariableId variable) const {
  const auto found = sums_.find(variable);
  return found == sums_.end() ? Tensor() : found->second;
}

Tensor GradientStore::of(const Tensor& leaf) const { return of(leaf.variable()); }

Tape::Recording::Recording(Tape& tape) : previous_(current_tape) { current_tape = &tape; }
Tape::Recording::~Recording() { current_tape = previous_; }
Tape::Paused::Paused() : previous_(current_tape) { current_tape = nullptr; }
Tape::Paused::~Paused() { current_tape = previous_; }
Tape* Tape::current() { return current_tape; }
GradientSink* Tape::running_sink() { return current_sink; }

void Tape::backward(const Tensor& output, GradientSink& sink, Tensor output_gradient) {
  if (records_.empty() || !output.wants_gradient()) {
    throw internal_error(
        "backward: the output was not recorded on this tape (shape {}, {} records)",
        output.shape().text(), records_.size());
  }
  const Paused paused;
  const SinkScope scope(sink);
  if (!output_gradient.defined())
    output_gradient = Tensor::full(output.shape(), 1.0, output.dtype());
  std::unordered_map<VariableId, Tensor> pending;
  pending.emplace(output.variable(), std::move(output_gradient));
  while (!records_.empty()) {
    Record step = std::move(records_.back());
    records_.pop_back();
    const auto found = pending.find(step.output);
    if (found == pending.end()) continue;  // computed, but the output does not depend on it
    const Tensor dy = std::move(found->second);
    pending.erase(found);
    const Gradients gradients = step.backward(dy);
    if (gradients.size() != step.inputs.size()) {
      throw internal_error("{}: backward gave {} gradients for {} inputs", step.op,
                           gradients.size(), step.inputs.size());
    }
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (step.inputs[i] == 0 || !gradients[i].defined()) continue;
      if ((step.inputs[i] & kRecorded) != 0) {
        accumulate(pending, step.inputs[i], gradients[i]);
      } else {
        sink.add(step.inputs[i], gradients[i]);
      }
    }
  }
  if (!pending.empty()) {
    throw internal_error(
        "backward: a gradient reached a value that another tape recorded; make it an input of the "
        "checkpointed segment");
  }
}

Tensor record(std::string_view op, std::span<const Tensor> inputs, const Tensor& output,
              Backward backward) {
  if (!records(inputs)) return output.stop_gradient();
  Tape::Record entry{op, {}, next_variable() | kRecorded, std::move(backward)};
  entry.inputs.reserve(inputs.size());
  for (const Tensor& input : inputs) entry.inputs.push_back(input.variable());
  current_tape->records_.push_back(std::move(entry));
  return output.with_variable(current_tape->records_.back().output);
}

bool records(std::span<const Tensor> inputs) {
  return current_tape != nullptr &&
         std::ranges::any_of(inputs, [](const Tensor& input) { return input.wants_gradient(); });
}

Tensor record_constant(std::string_view op, std::initializer_list<Tensor> inputs,
                       const Tensor& output) {
  for (const Tensor& input : inputs) {
    if (current_tape != nullptr && input.wants_gradient()) {
      throw internal_error("{} has no gradient: pass x.stop_gradient() where none is wanted", op);
    }
  }
  return output.stop_gradient();
}

bool will_back_propagate_to(const Tensor& x) {
  return current_tape != nullptr && x.wants_gradient();
}

}  // namespace bantam
