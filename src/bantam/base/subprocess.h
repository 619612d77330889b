// Running an outside program without a shell.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bantam {

struct ProcessResult {
  int exit_code = 0;          ///< 128 + signal when killed
  std::string output, error;  ///< captured, each cut at the limit
};

/// `most_captured` is the limit on each stream in bytes; what is past it is read and dropped.
/// Throws Error(refused) naming the program and its Debian package when it cannot be found.
ProcessResult run_process(const std::vector<std::string>& command,
                          const std::string& debian_package, double timeout_seconds = 600,
                          std::size_t most_captured = std::size_t{16} << 20);

}  // namespace bantam
