// The program around the commands: signals, errors as messages and exit codes, the run record.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bantam/cli/command.h"

namespace bantam {

/// `words` are the arguments without the program's name. Returns the exit code; throws nothing.
int run_program(std::span<const Command> commands, const std::vector<std::string>& words);

}  // namespace bantam
