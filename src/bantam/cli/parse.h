// The command line: which command, its options from defaults < config file < BANTAM_* variables <
// flags.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/cli/command.h"

namespace bantam {

/// A command with everything said to it. Options point into `body` and `shared`, so it stays where
/// it was made.
struct Invocation {
  const Command* command = nullptr;
  std::unique_ptr<CommandBody> body;
  SharedOptions shared;
  std::vector<Option> options;  ///< the command's own, then the shared ones it reads
  std::size_t own_options = 0;  ///< how many of `options` are the command's own
  std::vector<std::string> arguments;
  std::vector<std::string>
      notes;  ///< decisions worth telling: a flag that replaced a value of the config file
  bool help = false;
  bool print_config = false;
};

/// The command with its options at their defaults, as help and completion need it.
std::unique_ptr<Invocation> declare(const Command& command);

/// `words` are the program's arguments without its name. Throws Error(usage) naming the nearest
/// command or flag.
std::unique_ptr<Invocation> parse_command_line(std::span<const Command> commands,
                                               std::span<const std::string> words);

/// The command that `words` begin with and how many words its name took; nullptr when none does.
const Command* match_command(std::span<const Command> commands, std::span<const std::string> words,
                             std::size_t& used);

/// "top_k" -> "--top-k", "BANTAM_TOP_K".
std::string flag_name(std::string_view key);
std::string variable_name(std::string_view key);
/// 'm' for "model"; 0 when the key has no short form.
char short_flag(std::string_view key);

}  // namespace bantam
