// What happens when a loss or gradient is not finite: the step is skipped, counted and named; too
// many end the run (exit code 5).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/json.h"

namespace bantam {

class NonfinitePolicy {
 public:
  /// More than this many skipped steps within kWindow steps end the run: 1 %.
  static constexpr std::int64_t kWindow = 1000, kMostInWindow = 10;

  explicit NonfinitePolicy(int limit_in_a_row) : limit_(limit_in_a_row) {}

  /// A step that was skipped. Throws Error(diverged) naming step, tensor and examples when it was
  /// one too many.
  void skipped(std::int64_t step, const std::string& tensor, const std::string& examples);
  void good() { in_a_row_ = 0; }
  std::int64_t count() const { return count_; }

  Json to_json() const;
  void restore(const Json& json);

 private:
  int limit_;
  std::int64_t count_ = 0;
  std::int64_t in_a_row_ = 0;
  std::vector<std::int64_t> recent_;  ///< skipped steps of the last kWindow
};

}  // namespace bantam
