// One process at a time: a lock on a file, which the system releases when its holder dies. It is
// the lock that Hugging Face's tools take (flock), so they wait for Bantam and Bantam for them.
#pragma once

#include <functional>
#include <string_view>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"

namespace bantam {

class HubLock {
 public:
  /// Takes the lock. While another process holds it, calls `waiting` about ten times a second,
  /// which may throw to give up. Throws Error(resources) when the file cannot be made, and
  /// Error(refused) when a link stands in its place.
  HubLock(const Path& file, const std::function<void()>& waiting);
  ~HubLock();
  HubLock(const HubLock&) = delete;
  HubLock& operator=(const HubLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// For `waiting`: says once which `content` another process fetches; throws Interrupted when the
/// user stops waiting.
void wait_for_other_pull(std::string_view content, ProgressSink& progress, bool& told);

}  // namespace bantam
