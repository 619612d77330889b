#include "bantam/cli/commands.h"

namespace bantam {

std::span<const Command> all_commands() {
#define COMMAND(name) name##_command(),
  static const std::vector<Command> list = {
#include "bantam/cli/commands.def"
  };
#undef COMMAND
  return list;
}

}  // namespace bantam
