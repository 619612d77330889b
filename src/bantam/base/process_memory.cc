#include "bantam/base/process_memory.h"

#include <sys/resource.h>

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace bantam {
namespace {

// "VmHWM:    1234 kB" -> bytes.
std::uint64_t status_bytes(std::string_view field) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (!line.starts_with(field)) continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits == line.npos) return 0;
    std::uint64_t kilobytes = 0;
    std::from_chars(line.data() + digits, line.data() + line.size(), kilobytes);
    return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

std::uint64_t peak_process_memory() {
  // getrusage() alone would count what stood in this process before it became this program.
  if (const std::uint64_t peak = status_bytes("VmHWM:")) return peak;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

void reset_peak_process_memory() {
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5";
}

std::uint64_t resident_process_memory() { return status_bytes("VmRSS:"); }

}  // namespace bantam
