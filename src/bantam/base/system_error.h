// errno turned into an Error: which kind it is and which sentence explains it.
#pragma once

#include "bantam/base/error.h"
#include "bantam/base/files.h"

namespace bantam {

/// `code` is errno after a failed call; `action` completes "cannot …", such as "write 4,096 bytes
/// at byte 8,192". Full disk, quota, read-only mount, I/O errors and used-up descriptors or memory
/// are Kind::resources; the rest (no such folder, no permission) is `otherwise`.
Error system_error(int code, const Path& path, std::string_view action, Error::Kind otherwise);

}  // namespace bantam
