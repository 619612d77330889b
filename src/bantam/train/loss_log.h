// log.jsonl of a training run: one line for each step and each evaluation, with nothing in it that
// depends on time, so that a resumed run writes the same bytes as an uninterrupted one.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {

class LossLog {
 public:
  /// Opens `folder`/log.jsonl, cut to its first `bytes` bytes: what was written after the
  /// checkpoint that the run goes on from is written again. Throws Error(resources), or
  /// Error(input) when the file is shorter than that.
  LossLog(const Path& folder, std::uint64_t bytes);
  ~LossLog();
  LossLog(const LossLog&) = delete;
  LossLog& operator=(const LossLog&) = delete;

  /// Appends one line. Numbers that are not finite become null.
  void add(const Json& line);
  /// Makes what was written survive a power cut; returns the length in bytes.
  std::uint64_t sync();

 private:
  Path path_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
};

struct LossLogEntry {
  std::int64_t step = 0;
  double loss = 0;  ///< NaN for a step that was skipped
  bool is_evaluation = false;
};

/// The curve of a run so far: every line of `folder`/log.jsonl, in order. Empty when there is none;
/// a last line that was cut by a crash is left out.
std::vector<LossLogEntry> read_loss_log(const Path& folder);

}  // namespace bantam
