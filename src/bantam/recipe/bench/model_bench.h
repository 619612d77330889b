// How fast a model runs here, against what the machine allows: first token, prompt, decoding at
// depths, many streams, memory. Uses Generator as any program that embeds Bantam would.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/base/options.h"
#include "bantam/base/progress.h"
#include "bantam/model/memory_estimate.h"
#include "bantam/recipe/bench/bench_row.h"
#include "bantam/recipe/bench/device_bench.h"

namespace bantam {

struct ModelBenchOptions {
  std::int64_t prompt = 512;               ///< tokens of the prompt row
  std::int64_t generate = 128;             ///< tokens of each decode row
  std::vector<std::string> depth = {"0"};  ///< tokens in the store before decoding: "0", "8k"
  std::int64_t streams = 16;
  std::int64_t stream_prompt = 128, stream_generate = 64;  ///< tokens of each stream
  std::vector<std::string> only;  ///< kinds of rows: first_token, prompt, decode, batch; empty: all
  int repeat = 5;
};
template <>
void describe(Describer<ModelBenchOptions>& d);

struct BenchMemory {
  MemoryEstimate estimate;          ///< made before loading, for the tokens that were stored
  std::uint64_t peak_resident = 0;  ///< bytes, of the process while the rows ran
  std::uint64_t peak_tensors = 0;   ///< bytes, of tensors that are not views of the file
};

struct ModelBench {
  std::string model;
  DeviceBench device;
  ModelCost cost;
  std::vector<BenchRow> rows;
  BenchMemory memory;
};

/// Throws Error(usage) for options that contradict each other or do not fit the model's context,
/// naming both numbers.
ModelBench bench_model(const std::string& reference, const ModelBenchOptions& options,
                       ProgressSink& progress = silent_progress());
Json model_bench_json(const ModelBench& bench);

}  // namespace bantam
