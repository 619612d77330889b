// The program around the commands: signals, errors as messages and exit codes, the run record.
#pragma once

#include <string>
#include <vector>

namespace bantam {

/// `words` are the arguments without the program's name. Returns the exit code; throws nothing.
int run_program(const std::vector<std::string>& words);

}  // namespace bantam
