// Any bytes as JSON: a refusal, or a value that is written and read back the same. The first byte
// chooses what happens to duplicate keys.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bantam/base/error.h"
#include "bantam/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  if (size == 0) return 0;
  const JsonLimits limits = {.depth = 64, .refuse_duplicate_keys = data[0] % 2 == 0};
  try {
    const Json value = parse_json({reinterpret_cast<const char*>(data) + 1, size - 1}, limits);
    for (const int indent : {-1, 2}) {
      if (parse_json(dump_json(value, indent)) != value) __builtin_trap();
    }
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::input) __builtin_trap();
  }
  return 0;
}
