// Any bytes as a configuration file: a refusal, or options that are printed and read back the same.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/options.h"

namespace bantam {
namespace {

// One field of each kind that a file can set.
struct Settings {
  double learning_rate = 1e-3;
  float temperature = 0.7f;
  int batch = 8;
  std::int64_t limit = 0;
  bool full = false;
  std::string schedule = "constant";
  std::string task = "auto";
  std::filesystem::path out;
  Duration budget;
  ByteCount memory;
  std::vector<std::string> data;
  std::optional<int> rank;
};

}  // namespace

template <>
void describe(Describer<Settings>& d) {
  d(&Settings::learning_rate, "learning_rate", "Rate.", between(0.0, 1.0));
  d(&Settings::temperature, "temperature", "Softness.");
  d(&Settings::batch, "batch", "Rows.", at_least(1));
  d(&Settings::limit, "limit", "Rows at most.");
  d(&Settings::full, "full", "All weights.");
  d(&Settings::schedule, "schedule", "Schedule.");
  d(&Settings::task, "task", "Task.", OneOf{{"auto", "chat"}});
  d(&Settings::out, "out", "Folder.");
  d(&Settings::budget, "budget", "Time.");
  d(&Settings::memory, "memory", "Bytes.");
  d(&Settings::data, "data", "Files.");
  d(&Settings::rank, "rank", "Rank.");
}

namespace {

// The reader takes a path: the bytes go to one file in memory that each input overwrites.
const std::string& in_memory(std::string_view text) {
  static const int file = ::memfd_create("bantam-toml-fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0 ||
      ::pwrite(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    std::abort();
  }
  return path;
}

}  // namespace
}  // namespace bantam

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  Settings settings, again;
  std::vector<Option> options = options_of(settings), options_again = options_of(again);
  try {
    apply_config_file(options, in_memory({reinterpret_cast<const char*>(data), size}));
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::usage) __builtin_trap();
    return 0;
  }
  const std::string printed = print_config(options);
  apply_config_file(options_again, in_memory(printed));
  if (print_config(options_again) != printed) __builtin_trap();
  return 0;
}
