// Checkpoints of a training run: folders checkpoint-000123 that hold trained weights, optimizer
// state and everything else a resumed run needs to go on with the same bits; and best-000100, the
// weights of the best evaluation.
//
// docs/formats/training-folder.md describes the files. A checkpoint counts only if its manifest verifies; the previous
// one is deleted only after the new one was read back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/base/progress.h"
#include "bantam/tensor/tensor.h"
#include "bantam/train/committed_folder.h"

namespace bantam {

using NamedTensorList = std::vector<std::pair<std::string, Tensor>>;

struct Checkpoint {
  std::int64_t step = 0;      ///< optimizer steps taken
  Json state;                 ///< plan, options, data hash, best evaluation, counters
  NamedTensorList weights;    ///< trained parameters only
  NamedTensorList optimizer;  ///< "layers.0.attn.q.weight/exp_avg"
};

class CheckpointStore {
 public:
  /// `keep` checkpoints stay. A write that the disk refuses is tried again after each of
  /// `retry_waits` (seconds).
  CheckpointStore(Path folder, int keep, ProgressSink& progress,
                  std::vector<double> retry_waits = {2, 10});

  /// Points: those of commit_folder, then "before-rotation". Throws Error(diverged) when a weight
  /// is not finite and Error(resources) when every try failed; older checkpoints are intact then.
  void save(const Checkpoint& checkpoint, const AtPoint& at_point = {});
  /// The newest checkpoint that verifies; notes say which were passed over and why. None when there
  /// is none. Throws Error(input) when there are some but none is usable.
  std::optional<Checkpoint> newest() const;

  void save_best(std::int64_t step, const NamedTensorList& weights);
  /// Throws Error(input) when it is gone or damaged.
  NamedTensorList best(std::int64_t step) const;

 private:
  Path folder_;
  int keep_;
  ProgressSink& progress_;
  std::vector<double> retry_waits_;

  void commit(const Path& folder, const std::vector<FolderFile>& files, const AtPoint& at_point);
  void rotate(std::int64_t newest_step);
  void rotate_best(const Json& newest_state);
};

}  // namespace bantam
