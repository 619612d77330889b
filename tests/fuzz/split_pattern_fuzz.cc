// The first line is a pattern, the rest the text it splits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bantam/base/error.h"
#include "bantam/text/split_pattern.h"
#include "bantam/text/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t line = all.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string text = repair_utf8(all.substr(line + 1));
  try {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> matches;
    SplitPattern(all.substr(0, line)).find_all(text, 0, matches);
    std::uint32_t at = 0;
    for (const auto& [begin, end] : matches) {
      if (begin < at || end <= begin || end > text.size()) __builtin_trap();
      at = end;
    }
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::internal) __builtin_trap();
  }
  return 0;
}
