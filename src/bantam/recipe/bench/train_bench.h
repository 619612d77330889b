// How fast a model trains here, against what the machine allows. Runs the trainer's own steps on
// rows of random tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/base/options.h"
#include "bantam/base/progress.h"
#include "bantam/recipe/bench/bench_row.h"
#include "bantam/recipe/bench/device_bench.h"

namespace bantam {

struct TrainBenchOptions {
  std::vector<std::string> mode = {"full", "lora"};
  std::vector<std::string> shape = {"8x64", "2x256"};  ///< rows x tokens of one optimizer step
  int rank = 8;                                        ///< of LoRA over all linears
  std::string optimizer = "adamw";
  std::int64_t micro_batch_tokens = 2048;
  bool gradient_checkpointing = false;
  int repeat = 5;
};
template <>
void describe(Describer<TrainBenchOptions>& d);

struct TrainShape {
  std::int64_t rows = 0, length = 0;
};
/// "8x64". Throws Error(usage).
TrainShape parse_train_shape(const std::string& text);

struct TrainBenchRow {
  BenchRow row;
  std::string mode;  ///< "full" or "lora"
  TrainShape shape;
  double optimizer_share = 0;                         ///< of a step's time, clipping left out
  double loss = 0;                                    ///< of the last step
  std::uint64_t peak_tensors = 0, peak_resident = 0;  ///< bytes, from loading on
  std::uint64_t estimate = 0;  ///< bytes of the process, told before the first step
};

struct TrainBench {
  std::string model;
  DeviceBench device;
  std::vector<TrainBenchRow> rows;
};

/// Throws Error(usage) for an unknown mode or a shape that does not fit the model's context.
TrainBench bench_training(const std::string& reference, const TrainBenchOptions& options,
                          ProgressSink& progress = silent_progress());
Json train_bench_json(const TrainBench& bench);

}  // namespace bantam
