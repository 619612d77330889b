// zstd behind a build switch: the only part of reading that needs its library.
#pragma once

#include <memory>
#include <string>

#include "bantam/data/byte_stream.h"

namespace bantam {

/// Throws Error(refused) naming the package when Bantam was built without libzstd.
std::unique_ptr<ByteStream> zstd_stream(std::unique_ptr<ByteStream> inner, std::string where);

}  // namespace bantam
