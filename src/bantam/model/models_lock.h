// HOME/models/models.lock: the hash of every fetched file, written at first use and compared ever
// after. A file of the hub's cache is kept as owner/name@COMMIT:file, any other by its path under
// HOME/models.
//
// A commit names its content for good, so other content under the same commit is refused. A branch
// or tag names another commit when its owner moves it: that is told, and no reason to refuse.
#pragma once

#include "bantam/model/hub.h"

namespace bantam {

/// Throws Error(input) with both hashes when the lock knows `file` by another hash.
void check_lock(const Path& file, const std::string& sha256);
void record_in_lock(const Path& file, const LockEntry& entry);

}  // namespace bantam
