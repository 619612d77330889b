// Facts about this machine, read from /proc and /sys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bantam {

struct Processor {
  std::string model;
  int count = 1;                      ///< logical processors of the machine
  std::vector<std::string> features;  ///< those that Bantam's kernels use: "avx2", "avx512_bf16", …
};
Processor processor();

/// Bytes; 0 where the machine does not say. Of the first processor: its own first two levels, and
/// the third that it shares.
struct CacheSizes {
  std::uint64_t level1_data = 0, level2 = 0, level3 = 0;
  std::uint64_t last() const { return level3 > 0 ? level3 : level2; }
};
CacheSizes cache_sizes();

struct Memory {
  std::uint64_t total = 0, available = 0;  ///< bytes; a container's limit counts
};
Memory memory_of_machine();

/// "Debian GNU/Linux 12 (bookworm), kernel 6.1.0"
std::string system_name();

}  // namespace bantam
