// Any bytes as a safetensors file: a refusal, or tensors that tile the data.
#include <cstdlib>

#include "bantam/base/error.h"
#include "bantam/model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto header =
        bantam::parse_safetensors({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
    std::uint64_t total = 0;
    for (const auto& tensor : header.tensors) {
      if (tensor.offset > size || tensor.stored_bytes > size - tensor.offset) std::abort();
      total += tensor.stored_bytes;
    }
    if (total > size - 8) std::abort();
  } catch (const bantam::Error&) {
  }
  return 0;
}
