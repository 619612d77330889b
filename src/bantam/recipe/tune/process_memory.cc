#include "bantam/recipe/tune/process_memory.h"

#include <sys/resource.h>

namespace bantam {

std::uint64_t peak_process_memory() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

}  // namespace bantam
