// HOME/models/models.lock: the hash of every fetched file, written at first use and compared ever
// after.
#pragma once

#include "bantam/model/hub.h"

namespace bantam {

/// Throws Error(input) with both hashes when the lock knows `file` by another hash.
void check_lock(const Path& file, const std::string& sha256);
void record_in_lock(const Path& file, const LockEntry& entry);

}  // namespace bantam
