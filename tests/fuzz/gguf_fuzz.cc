// Any bytes as a GGUF file: a refusal, or a header whose tensors lie inside the bytes.
#include <cstdlib>

#include "bantam/base/error.h"
#include "bantam/model/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto header =
        bantam::parse_gguf({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
    for (const auto& tensor : header.tensors)
      if (tensor.bytes > 0 && (tensor.offset > size || tensor.bytes > size - tensor.offset))
        std::abort();
    for (const auto& [key, value] : header.metadata) {
      bantam::type_text(value);
      bantam::value_text(value);
    }
  } catch (const bantam::Error&) {
  }
  return 0;
}
