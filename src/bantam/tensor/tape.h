// The tape: ops append what backward needs, backward() walks it once in reverse.
//
//   Tape tape;
//   { Tape::Recording recording(tape); loss = objective(batch, model); }
//   tape.backward(loss, gradients);
//
// A record keeps alive exactly what its closure captured, and is dropped as soon as it has been
// walked.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam {

/// One gradient for each input of a record, in order; an undefined Tensor where an input has none.
using Gradients = std::vector<Tensor>;
using Backward = std::function<Gradients(const Tensor& output_gradient)>;

/// Takes the gradients of leaves (variables that no record on the tape produced).
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  virtual void add(VariableId variable, const Tensor& gradient) = 0;
  /// The sum so far, to be added to in place, for a gradient that is zero nearly everywhere; null
  /// where nothing arrived yet or sums are kept elsewhere.
  virtual Tensor* sum_so_far(VariableId) { return nullptr; }
};

/// Sums gradients per variable, in place, in the order of arrival.
class GradientStore : public GradientSink {
 public:
  void add(VariableId variable, const Tensor& gradient) override;
  Tensor* sum_so_far(VariableId variable) override;
  /// Undefined when nothing arrived for the variable.
  Tensor of(const Tensor& leaf) const;
  Tensor of(VariableId variable) const;
  void clear() { sums_.clear(); }

 private:
  std::unordered_map<VariableId, Tensor> sums_;
};

class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// While alive, ops of this thread append to `tape`. Nests.
  class Recording {
   public:
    explicit Recording(Tape& tape);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

   private:
    Tape* previous_;
  };
  /// While alive, nothing is recorded on this thread: inference inside training, checkpointed
  /// segments.
  class Paused {
   public:
    Paused();
    ~Paused();
    Paused(const Paused&) = delete;
    Paused& operator=(const Paused&) = delete;

   private:
    Tape* previous_;
  };
  static Tape* current();

  /// Back-propagates from `output` (its gradient defaults to ones) and empties the tape. Gradients
  /// of leaves go to the sink. Throws Error(internal) when `output` was not recorded here.
  void backward(const Tensor& output, GradientSink& sink, Tensor output_gradient = {});
  std::size_t size() const { return records_.size(); }
  /// The sink of the backward() now running on this thread, or null: a checkpointed segment sends
  /// the gradients of the leaves it used there.
  static GradientSink* running_sink();

 private:
  friend Tensor record(std::string_view, std::span<const Tensor>, const Tensor&, Backward);
  struct Record {
    std::string_view op;  ///< a literal
    std::vector<VariableId> inputs;
    VariableId output;
    Backward backward;
  };
  std::vector<Record> records_;
};

/// Called by each op after computing `output`: returns it as a new variable when a tape records and
/// an input wants a gradient, else unchanged. `op` must be a literal.
Tensor record(std::string_view op, std::span<const Tensor> inputs, const Tensor& output,
              Backward backward);
/// Whether record() would.
bool records(std::span<const Tensor> inputs);
/// The same of a list; `backward` becomes a Backward, which takes memory, only where it is kept.
template <class F>
Tensor record(std::string_view op, std::initializer_list<Tensor> inputs, const Tensor& output,
              F&& backward) {
  const std::span<const Tensor> list(inputs.begin(), inputs.size());
  if (!records(list)) return output.stop_gradient();
  return record(op, list, output, Backward(std::forward<F>(backward)));
}
/// For ops without a gradient: throws Error(internal) under a tape if an input wants one.
Tensor record_constant(std::string_view op, std::initializer_list<Tensor> inputs,
                       const Tensor& output);

/// True when the op that is about to run will have to back-propagate to `x`.
bool will_back_propagate_to(const Tensor& x);

}  // namespace bantam
