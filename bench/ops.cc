// Times every op over the cases of its test, forward alone and forward with backward, in f32,
// attention also as models form it (matmul_precision), and the products below them (products.cc),
// on all threads or OMP_NUM_THREADS of them:
//
//   bench_ops --benchmark_filter='attention|integer_product'
//
// Each line says its bound: the least time of this machine for the bytes and multiplications that
// the work must move and make, what sets it, and the share that was reached.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "bantam/tensor/tape.h"
#include "bench/bound.h"
#include "tests/tensor/op_harness.h"

void register_products();

namespace {

using namespace bantam;
using namespace bantam::bench;
using namespace bantam::op_tests;

double bytes_of(std::span<const Tensor> tensors) {
  double bytes = 0;
  for (const Tensor& x : tensors) bytes += static_cast<double>(x.byte_size());
  return bytes;
}

Work forward_work(const OpCase& op_case, std::span<const Tensor> inputs, const Tensor& output) {
  const double bytes = op_case.bytes > 0
                           ? op_case.bytes
                           : bytes_of(inputs) + static_cast<double>(output.byte_size());
  return {.operations = 2 * op_case.multiplications, .bytes = bytes};
}

// Backward reads what forward read and the gradient of the output, writes the gradients of the
// inputs, and has a product for each factor of a forward product that wants a gradient.
Work training_work(const OpCase& op_case, std::span<const Tensor> inputs, const Tensor& output) {
  const Work forward = forward_work(op_case, inputs, output);
  double variables = 0, gradient_bytes = 0;
  for (const Tensor& x : inputs) {
    if (!x.wants_gradient()) continue;
    ++variables;
    gradient_bytes += static_cast<double>(x.byte_size());
  }
  return {.operations = (1 + std::min(variables, 2.0)) * forward.operations,
          .bytes = 2 * forward.bytes + gradient_bytes};
}

void time_forward(benchmark::State& state, const OpCase& op_case) {
  const std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
  time_against_bound(state, forward_work(op_case, inputs, op_case.op(inputs)),
                     [&] { benchmark::DoNotOptimize(op_case.op(inputs)); });
}

void time_training(benchmark::State& state, const OpCase& op_case) {
  const std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
  const auto step = [&] {
    Tape tape;
    Tensor output;
    {
      const Tape::Recording recording(tape);
      output = op_case.op(inputs);
    }
    if (output.wants_gradient()) {
      GradientStore store;
      tape.backward(output, store);
    }
    return output;
  };
  time_against_bound(state, training_work(op_case, inputs, step()), step);
}

void time_rounded_forward(benchmark::State& state, const OpCase& op_case) {
  const RoundActivations as_models_do;
  time_forward(state, op_case);
}

void time_rounded_training(benchmark::State& state, const OpCase& op_case) {
  const RoundActivations as_models_do;
  time_training(state, op_case);
}

}  // namespace

int main(int argc, char** argv) {
  static std::vector<CaseList> lists;
  lists.reserve(listed_ops().size());
  for (const OpEntry& entry : listed_ops()) {
    entry.list(lists.emplace_back());
    for (const OpCase& op_case : lists.back().cases()) {
      if (!op_case.timing_only) continue;
      const std::string name = entry.name + "/" + describe(make_inputs(op_case, DType::f32));
      const auto add = [&op_case](const std::string& full_name, auto body) {
        benchmark::RegisterBenchmark(full_name.c_str(), [&op_case, body](benchmark::State& state) {
          body(state, op_case);
        })->UseRealTime();
      };
      add(name + "/forward", time_forward);
      add(name + "/forward+backward", time_training);
      if (entry.name == "attention") {
        add(name + "/rounded/forward", time_rounded_forward);
        add(name + "/rounded/forward+backward", time_rounded_training);
      }
    }
  }
  register_products();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
