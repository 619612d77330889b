#include "bantam/cli/help.h"

#include <algorithm>

#include "bantam/base/version.h"
#include "bantam/cli/layout.h"
#include "bantam/cli/parse.h"
#include "bantam/cli/terminal.h"

namespace bantam {

namespace {

struct GroupTitle {
  CommandGroup group;
  std::string_view title;
};
constexpr GroupTitle kGroups[] = {{CommandGroup::use_model, "Use a model"},
                                  {CommandGroup::make_model, "Make a model"},
                                  {CommandGroup::make_data, "Make data"},
                                  {CommandGroup::judge, "Judge"},
                                  {CommandGroup::operate, "Operate"}};

struct Entry {
  std::string name, text;
};

// Two columns: names, and wrapped text beside them. A name too long for its column gets a line of
// its own.
std::string definition_list(const std::vector<Entry>& entries, int name_width, int width,
                            bool color) {
  const int indent = 2 + name_width + 2;
  std::string out;
  for (const Entry& entry : entries) {
    out += "  " + bold(entry.name, color);
    const int used = 2 + display_width(entry.name);
    out += used + 2 > indent ? "\n" + std::string(static_cast<std::size_t>(indent), ' ')
                             : std::string(static_cast<std::size_t>(indent - used), ' ');
    out += wrap(entry.text, width, indent) + "\n";
  }
  return out;
}

int longest_name(const std::vector<Entry>& entries, int most) {
  int longest = 0;
  for (const Entry& entry : entries) {
    const int own = display_width(entry.name);
    if (own <= most) longest = std::max(longest, own);
  }
  return longest;
}

std::string_view value_word(OptionKind kind) {
  switch (kind) {
    case OptionKind::flag:
      return "";
    case OptionKind::integer:
      return "COUNT";
    case OptionKind::number:
      return "NUMBER";
    case OptionKind::text:
      return "TEXT";
    case OptionKind::path:
      return "PATH";
    case OptionKind::duration:
      return "TIME";
    case OptionKind::bytes:
      return "SIZE";
    case OptionKind::list:
      return "TEXT,…";
  }
  return "";
}

std::string option_name(const Option& option) {
  std::string name = flag_name(option.key);
  if (const char letter = short_flag(option.key)) name = fmt::format("-{}, {}", letter, name);
  const std::string_view value = option.choices.empty() ? value_word(option.kind) : "NAME";
  if (!value.empty()) name += fmt::format(" {}", value);
  return name;
}

std::string option_help(const Option& option) {
  std::string facts;
  const auto add = [&](const std::string& fact) { facts += (facts.empty() ? "" : "; ") + fact; };
  if (!option.choices.empty()) {
    add("one of " + option.range_text);
  } else if (!option.range_text.empty()) {
    add(option.range_text);
  }
  const bool off = option.kind == OptionKind::flag && option.default_text == "false";
  if (!option.default_text.empty() && !off) add("default " + option.default_text);
  return facts.empty() ? option.help : fmt::format("{} [{}]", option.help, facts);
}

std::string usage_line(const Command& command) {
  std::string line = "bantam " + command.name;
  for (const Argument& argument : command.arguments) {
    const std::string name = argument.name + (argument.most > 1 ? "…" : "");
    line += argument.least == 0 ? " [" + name + "]" : " " + name;
  }
  return line + " [--options]";
}

std::string section(std::string_view title, const std::vector<Entry>& entries, int width,
                    bool color) {
  if (entries.empty()) return "";
  return "\n" + bold(title, color) + "\n" +
         definition_list(entries, longest_name(entries, 26), width, color);
}

}  // namespace

std::string overview_text(std::span<const Command> commands, int width, bool color) {
  std::string out =
      bold("bantam", color) + fmt::format(" {}", version()) +
      "  makes small language models do the work of large ones\n\nUsage: bantam COMMAND "
      "[ARGUMENTS] [--options]\n";
  int name_width = 0;
  for (const Command& command : commands)
    name_width = std::max(name_width, display_width(command.name));
  for (const GroupTitle& group : kGroups) {
    std::vector<Entry> entries;
    for (const Command& command : commands) {
      if (command.group == group.group) entries.push_back({command.name, command.summary});
    }
    if (entries.empty()) continue;
    out +=
        "\n" + bold(group.title, color) + "\n" + definition_list(entries, name_width, width, color);
  }
  return out + "\n" +
         wrap(
             "`bantam help COMMAND` shows its options and examples; `bantam help OPTION` shows "
             "where an "
             "option is used.",
             width) +
         "\n";
}

std::string command_text(const Command& command, int width, bool color) {
  const auto in = declare(command);
  std::string out = wrap(bold("bantam " + command.name, color) + "  " + command.summary, width, 2) +
                    "\n\n" + wrap("Usage: " + usage_line(command), width, 7) + "\n";
  if (!command.details.empty()) out += "\n" + wrap(command.details, width) + "\n";
  std::vector<Entry> arguments, own, shared;
  for (const Argument& argument : command.arguments) {
    arguments.push_back({argument.name + (argument.most > 1 ? "…" : ""), argument.help});
  }
  for (std::size_t i = 0; i < in->options.size(); ++i) {
    (i < in->own_options ? own : shared)
        .push_back({option_name(in->options[i]), option_help(in->options[i])});
  }
  shared.push_back({"--print-config", "The resolved options as TOML; nothing else happens."});
  shared.push_back({"-h, --help", "This page."});
  out += section("Arguments", arguments, width, color);
  out += section("Options", own, width, color);
  out += section("Shared options", shared, width, color);
  if (!command.examples.empty()) {
    out += "\n" + bold("Examples", color) + "\n";
    for (const CommandExample& example : command.examples) {
      out += "  " + example.line + "\n";
      if (!example.says.empty()) out += "      " + wrap(example.says, width, 6) + "\n";
    }
  }
  const Option& first = in->options.front();
  return out + "\n" +
         wrap(fmt::format(
                  "Each option is also a key of --config ({}) and a variable ({}); a flag beats "
                  "the variable, the variable the file.",
                  first.key, variable_name(first.key)),
              width) +
         "\n";
}

std::string verb_text(std::span<const Command> commands, std::string_view verb, int width,
                      bool color) {
  std::vector<Entry> entries;
  for (const Command& command : commands) {
    if (command.name.starts_with(fmt::format("{} ", verb))) {
      entries.push_back({"bantam " + command.name, command.summary});
    }
  }
  if (entries.empty()) return "";
  return definition_list(entries, longest_name(entries, 40), width, color);
}

std::string option_text(std::span<const Command> commands, std::string_view key, int width,
                        bool color) {
  std::vector<Entry> entries;
  for (const Command& command : commands) {
    const auto in = declare(command);
    for (const Option& option : in->options) {
      if (option.key == key) entries.push_back({"bantam " + command.name, option_help(option)});
    }
  }
  if (entries.empty()) return "";
  return bold(flag_name(key), color) +
         fmt::format("   key {}, variable {}\n\n", key, variable_name(key)) +
         definition_list(entries, longest_name(entries, 30), width, color);
}

}  // namespace bantam
