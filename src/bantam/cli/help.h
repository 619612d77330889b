// `bantam help`: the overview, a command's page, and an option across commands. Written from the
// declarations only.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bantam/cli/command.h"

namespace bantam {

std::string overview_text(std::span<const Command> commands, int width, bool color);
std::string command_text(const Command& command, int width, bool color);
/// The commands whose names begin with `verb` ("data", "runs").
std::string verb_text(std::span<const Command> commands, std::string_view verb, int width,
                      bool color);
/// Every command that has the option `key`; "" when none has.
std::string option_text(std::span<const Command> commands, std::string_view key, int width,
                        bool color);

}  // namespace bantam
