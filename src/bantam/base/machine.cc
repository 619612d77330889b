#include "bantam/base/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "bantam/base/error.h"
#include "bantam/base/files.h"

namespace bantam {

namespace {

std::string content_of(const Path& path) {
  try {
    return read_file(path, std::uint64_t{1} << 22);
  } catch (const Error&) {
    return "";
  }
}

// The text after "key…:" or "key=" on the first line that begins with key.
std::string value_of(std::string_view text, std::string_view key, char mark) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t split = line.find(mark);
    if (line.starts_with(key) && split != line.npos) {
      const std::size_t begin = line.find_first_not_of(" \t\"", split + 1);
      if (begin == line.npos) return "";
      return std::string(line.substr(begin, line.find_last_not_of(" \t\"") + 1 - begin));
    }
    at = end + 1;
  }
  return "";
}

std::uint64_t leading_number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Processor processor() {
  const std::string info = content_of("/proc/cpuinfo");
  Processor out;
  out.model = value_of(info, "model name", ':');
  if (out.model.empty()) out.model = "unknown";
  out.count = static_cast<int>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
  const std::string flags = " " + value_of(info, "flags", ':') + " ";
  constexpr std::array<std::string_view, 8> kUsed = {
      "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_bf16"};
  for (const std::string_view name : kUsed) {
    if (flags.find(fmt::format(" {} ", name)) != std::string::npos) out.features.emplace_back(name);
  }
  return out;
}

CacheSizes cache_sizes() {
  CacheSizes out;
  for (int index = 0; index < 8; ++index) {
    const Path folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}", index);
    if (content_of(folder / "type").starts_with("Instruction")) continue;
    const std::string size = content_of(folder / "size");  // "32K", "32768K"
    const std::uint64_t unit = size.find('M') != size.npos ? std::uint64_t{1} << 20 : 1024;
    const std::uint64_t bytes = leading_number(size) * unit;
    switch (leading_number(content_of(folder / "level"))) {
      case 1:
        out.level1_data = bytes;
        break;
      case 2:
        out.level2 = bytes;
        break;
      case 3:
        out.level3 = bytes;
        break;
      default:
        break;
    }
  }
  return out;
}

Memory memory_of_machine() {
  const std::string info = content_of("/proc/meminfo");
  Memory out;
  out.total = leading_number(value_of(info, "MemTotal", ':')) * 1024;
  out.available = leading_number(value_of(info, "MemAvailable", ':')) * 1024;
  // "max" reads as 0: no limit.
  const std::uint64_t limit = leading_number(content_of("/sys/fs/cgroup/memory.max"));
  const std::uint64_t used = leading_number(content_of("/sys/fs/cgroup/memory.current"));
  if (limit > 0 && limit < out.total) {
    out.total = limit;
    out.available = std::min(out.available, limit > used ? limit - used : 0);
  }
  return out;
}

std::string system_name() {
  const std::string release = value_of(content_of("/etc/os-release"), "PRETTY_NAME", '=');
  utsname kernel{};
  ::uname(&kernel);
  return fmt::format("{}, kernel {}", release.empty() ? "unknown system" : release, kernel.release);
}

}  // namespace bantam
