// Any text as a shard index: a refusal, or file names that stay in their folder.
#include <cstdlib>

#include "bantam/base/error.h"
#include "bantam/model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto shards =
        bantam::parse_shard_index({reinterpret_cast<const char*>(data), size}, "fuzz");
    for (const auto& [file, tensors] : shards)
      if (file.find('/') != std::string::npos || file.starts_with(".")) std::abort();
  } catch (const bantam::Error&) {
  }
  return 0;
}
