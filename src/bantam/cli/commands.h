// Every command of the program; the list itself is commands.def.
#pragma once

#include <span>

#include "bantam/cli/command.h"

namespace bantam {

#define COMMAND(name) Command name##_command();
#include "bantam/cli/commands.def"
#undef COMMAND

std::span<const Command> all_commands();

}  // namespace bantam
