// Times every op over the cases of its test, forward alone and forward with backward, in f32:
//
//   bench_ops --benchmark_filter='attention'
//
// "GFLOP/s" counts two operations for each multiplication a case declares; compare it with the peak
// of the machine for products, and bytes per second with its memory speed for the rest.
#include <benchmark/benchmark.h>

#include "bantam/tensor/tape.h"
#include "tests/tensor/op_harness.h"

namespace {

using namespace bantam;
using namespace bantam::op_tests;

std::uint64_t bytes_of(std::span<const Tensor> tensors) {
  std::uint64_t bytes = 0;
  for (const Tensor& x : tensors) bytes += x.byte_size();
  return bytes;
}

void time_forward(benchmark::State& state, const OpCase& op_case) {
  const std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
  std::uint64_t output_bytes = 0;
  for (auto _ : state) output_bytes = op_case.op(inputs).byte_size();
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(bytes_of(inputs) + output_bytes));
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * op_case.multiplications,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

void time_training(benchmark::State& state, const OpCase& op_case) {
  const std::vector<Tensor> inputs = make_inputs(op_case, DType::f32);
  for (auto _ : state) {
    Tape tape;
    Tensor output;
    {
      const Tape::Recording recording(tape);
      output = op_case.op(inputs);
    }
    if (!output.wants_gradient()) continue;
    GradientStore store;
    tape.backward(output, store);
  }
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
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
