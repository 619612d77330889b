// One harness for every op. A test file lists the cases of its op once:
//
//   OP_CASES(softmax) {
//     for (const Shape& shape : {Shape{1, 1}, {3, 7}}) yield({normal(shape)}, softmax);
//     yield.timed({normal({512, 2048})}, softmax);
//   }
//
// and gets three tests: kernel against composition and against the same op in f64, values and
// gradients; gradient against central differences in f64; equal bits at 1, 2 and 3 threads.
// bench/ops.cc times the same cases, and those listed by timed(), which are too large to check.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bantam/base/random.h"
#include "bantam/tensor/ops.h"

namespace bantam::op_tests {

/// Makes one operand. An f64 tensor is a variable, and is cast to the type under test; anything
/// else (ids, f32 weights of a loss, quantized tables) is a constant and stays as it is.
using Input = std::function<Tensor(RandomStream&)>;
using Inputs = std::span<const Tensor>;
using Op = std::function<Tensor(Inputs)>;

Input normal(const Shape& shape, double deviation = 1);
Input uniform(const Shape& shape, double low, double high);
Input values(std::vector<double> list, const Shape& shape);
/// i32 [count], each below `bound`: a few values often repeat.
Input ids(std::int64_t count, std::int64_t bound);
Input exact_ids(std::vector<std::int32_t> list);
/// A constant f32 tensor.
Input constant(std::vector<float> list);
/// A constant of normal values, encoded.
Input encoded(const Shape& shape, DType dtype);

struct OpCase {
  std::vector<Input> inputs;
  Op op;
  bool timing_only = false;
  /// Bounds for f32 (reliability.md, section 5): NMSE of values, relative L2 of gradients.
  double value_tolerance = 1e-7, gradient_tolerance = 1e-5;
  double multiplications = 0;  ///< of the forward pass, for the benchmark's bound
  double bytes = 0;            ///< that the forward pass must move; 0: all inputs and the output

  /// Other bounds than the usual ones; `reason` says what the error comes from.
  OpCase& within(double value_nmse, double gradient_l2, const char* reason);
  OpCase& costs(double count) {
    multiplications = count;
    return *this;
  }
  OpCase& moves(double count) {
    bytes = count;
    return *this;
  }
};

class CaseList {
 public:
  /// `op` takes all inputs as a span, or one, two or three tensors.
  template <class F>
  OpCase& operator()(std::vector<Input> inputs, F op) {
    cases_.push_back({std::move(inputs), as_op(std::move(op))});
    return cases_.back();
  }
  template <class F>
  OpCase& timed(std::vector<Input> inputs, F op) {
    OpCase& listed = (*this)(std::move(inputs), std::move(op));
    listed.timing_only = true;
    return listed;
  }
  std::span<const OpCase> cases() const { return cases_; }

 private:
  template <class F>
  static Op as_op(F op) {
    using T = const Tensor&;
    if constexpr (std::is_invocable_v<F, Inputs>) {
      return op;
    } else if constexpr (std::is_invocable_v<F, T>) {
      return [op](Inputs in) { return op(in[0]); };
    } else if constexpr (std::is_invocable_v<F, T, T>) {
      return [op](Inputs in) { return op(in[0], in[1]); };
    } else {
      return [op](Inputs in) { return op(in[0], in[1], in[2]); };
    }
  }

  std::vector<OpCase> cases_;
};

struct OpEntry {
  std::string name;
  void (*list)(CaseList& yield);
};
/// Every op with cases in this program.
std::span<const OpEntry> listed_ops();
/// Used by OP_CASES.
bool list_op(const char* name, void (*list)(CaseList& yield));

/// The inputs of a case: constants, and variables in `dtype` (f32, or f64 whose values fit f32).
std::vector<Tensor> make_inputs(const OpCase& op_case, DType dtype);
/// Value and gradients (one an input, undefined for constants) of Σ r ∘ op(inputs), where r is a
/// fixed normal tensor.
struct Evaluation {
  Tensor output;
  std::vector<Tensor> gradients;
};
Evaluation evaluate(const OpCase& op_case, std::span<const Tensor> inputs);
/// "f64 [3, 7], i32 [3]".
std::string describe(std::span<const Tensor> inputs);

void check_against_oracles(void (*list)(CaseList&));
void check_gradients(void (*list)(CaseList&));
void check_thread_counts(void (*list)(CaseList&));
/// The op in f32, rounded as matmul_precision() says, against f64: value and gradients as vectors
/// are off by at most `largest` of their length, and the value is not exact.
void check_rounded(const OpCase& op_case, double largest);

}  // namespace bantam::op_tests

#define OP_CASES(op)                                                                               \
  static void list_##op(::bantam::op_tests::CaseList& yield);                                      \
  [[maybe_unused]] static const bool op##_is_listed = ::bantam::op_tests::list_op(#op, list_##op); \
  TEST(op, AgreesWithItsCompositionAndWithDouble) {                                                \
    ::bantam::op_tests::check_against_oracles(list_##op);                                          \
  }                                                                                                \
  TEST(op, GradientAgreesWithCentralDifferences) {                                                 \
    ::bantam::op_tests::check_gradients(list_##op);                                                \
  }                                                                                                \
  TEST(op, BitsDoNotDependOnTheThreads) { ::bantam::op_tests::check_thread_counts(list_##op); }    \
  static void list_##op(::bantam::op_tests::CaseList& yield)
