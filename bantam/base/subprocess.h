// Running an outside program without a shell.
#pragma once

#include <string>
#include <vector>

namespace bantam {

struct ProcessResult {
  int exit_code = 0;          ///< 128 + signal when killed
  std::string output, error;  ///< captured, each cut at 16 MiB
};

/// Throws Error(refused) naming the program and its Debian package when it cannot be found.
ProcessResult run_process(const std::vector<std::string>& command,
                          const std::string& debian_package, double timeout_seconds = 600);

}  // namespace bantam
