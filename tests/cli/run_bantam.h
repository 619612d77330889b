// Runs the built program with a home folder of its own.
#pragma once

#include <string>
#include <vector>

#include "bantam/base/subprocess.h"
#include "tests/base/temporary_folder.h"

namespace bantam {

class BantamProgram {
 public:
  /// `variables` are "NAME=value" pairs for this call only.
  ProcessResult operator()(const std::vector<std::string>& words,
                           const std::vector<std::string>& variables = {}) const {
    std::vector<std::string> command = {"env", "BANTAM_HOME=" + home_.path().string(),
                                        "COLUMNS=100"};
    command.insert(command.end(), variables.begin(), variables.end());
    command.emplace_back(BANTAM_PROGRAM);
    command.insert(command.end(), words.begin(), words.end());
    return run_process(command, "coreutils");
  }
  /// A line for the shell, in which $BANTAM is the program.
  ProcessResult shell(const std::string& line) const {
    return run_process({"env", "BANTAM_HOME=" + home_.path().string(),
                        std::string("BANTAM=") + BANTAM_PROGRAM, "bash", "-c", line},
                       "bash");
  }
  const TemporaryFolder& home() const { return home_; }

 private:
  TemporaryFolder home_;
};

}  // namespace bantam
