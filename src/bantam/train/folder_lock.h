// One training per folder: a lock that the system releases when its holder dies, however it dies.
#pragma once

#include "bantam/base/files.h"

namespace bantam {

class FolderLock {
 public:
  /// Takes the lock or throws Error(usage) naming the process that holds it. A lock file whose
  /// process is gone is simply taken over.
  explicit FolderLock(const Path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace bantam
