// One training run from the command line: what `train` begins and `train resume` continues.
//
// The output folder holds the result (a PEFT adapter, or an HF folder when the model's own weights
// were trained) and training/: checkpoints, log.jsonl, and job.json with every option, from which
// the run can be continued.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/options.h"
#include "bantam/cli/data_options.h"
#include "bantam/train/train_options.h"

namespace bantam {

class Session;

struct TrainingJobOptions {
  std::string model;
  std::vector<std::string> data;
  DataOptions reading;
  std::optional<double> dev;  ///< share of the rows; derived from their number
  std::optional<std::int64_t> max_tokens;
  std::string too_long;  ///< "" follows from the objective
  std::string prompt_template, answer_template;
  std::string objective;  ///< "" follows from the model
  std::string source_language, target_language;
  bool new_head = false;
  std::string adapter;  ///< "" is lora:rank=8,alpha=16 unless full or train_only say otherwise
  bool full = false;
  std::string train_only;
  std::optional<double> lr;
  std::string dtype = "f32";
};

class TrainingJob {
 public:
  std::vector<Option> options();

  /// Where results go, and whether to go on from a checkpoint there.
  struct Place {
    Path out;
    std::int64_t seed = 1234;
    bool resume = false;
    bool force = false;
    bool dry_run = false;
  };
  /// Returns the exit code.
  int run(Session& session, const Place& place);

  /// Reads `out`/training/job.json into the options. Throws Error(input) when there is none.
  void read(const Path& out, Place& place);

 private:
  struct Work;
  TrainingJobOptions job_;
  TrainOptions train_;

  void check() const;
  void write(const Place& place, const std::string& model_sha256);
};

template <>
void describe(Describer<TrainingJobOptions>& d);

}  // namespace bantam
