// Completion scripts written from the declarations, so that they never name a flag that does not
// exist.
#include <map>

#include "bantam/cli/commands.h"
#include "bantam/cli/parse.h"
#include "bantam/cli/session.h"

namespace bantam {

namespace {

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words)
    out += (out.empty() ? std::string() : std::string(between)) + word;
  return out;
}

// The words that may follow "bantam": verbs, and for verbs with nouns the nouns.
std::map<std::string, std::vector<std::string>> verbs() {
  std::map<std::string, std::vector<std::string>> out;
  for (const Command& command : all_commands()) {
    const std::size_t space = command.name.find(' ');
    auto& nouns = out[command.name.substr(0, space)];
    if (space != std::string::npos) nouns.push_back(command.name.substr(space + 1));
  }
  return out;
}

std::vector<std::string> flags_of(const Invocation& in) {
  std::vector<std::string> flags = {"--help", "--print-config"};
  for (const Option& option : in.options) flags.push_back(flag_name(option.key));
  return flags;
}

// A function of bash that sets COMPREPLY; zsh runs it through bashcompinit.
std::string bash_script() {
  std::string verb_list, nouns, flags, values;
  for (const auto& [verb, list] : verbs()) {
    verb_list += (verb_list.empty() ? "" : " ") + verb;
    if (!list.empty()) nouns += fmt::format("    {}) nouns=\"{}\" ;;\n", verb, join(list, " "));
  }
  for (const Command& command : all_commands()) {
    const auto in = declare(command);
    flags += fmt::format("    \"{}\") flags=\"{}\" ;;\n", command.name, join(flags_of(*in), " "));
    for (const Option& option : in->options) {
      if (option.choices.empty()) continue;
      values += fmt::format("    \"{} {}\") words=\"{}\" ;;\n", command.name, flag_name(option.key),
                            join(option.choices, " "));
    }
  }
  return fmt::format(R"script(# Completion of bantam for bash:  source <(bantam completion bash)
_bantam() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local verb="${{COMP_WORDS[1]}}" noun="${{COMP_WORDS[2]}}" nouns="" flags="" words="" name
  case "$verb" in
{1}  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{0}" -- "$current"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ] && [ -n "$nouns" ]; then
    COMPREPLY=($(compgen -W "$nouns" -- "$current"))
    return
  fi
  name="$verb"
  [ -n "$nouns" ] && name="$verb $noun"
  case "$name $previous" in
{3}  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case "$name" in
{2}  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}}
complete -o filenames -F _bantam bantam
)script",
                     verb_list, nouns, flags, values);
}

std::string zsh_script() {
  return "#compdef bantam\n# Completion of bantam for zsh:  source <(bantam completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script();
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_script() {
  std::string out = "# Completion of bantam for fish:  bantam completion fish | source\n";
  std::string all_verbs;
  for (const auto& [verb, nouns] : verbs()) {
    all_verbs += " " + verb;
    if (nouns.empty()) continue;
    out += fmt::format(
        "complete -c bantam -f -n '__fish_seen_subcommand_from {0}; and not "
        "__fish_seen_subcommand_from {1}' -a '{1}'\n",
        verb, join(nouns, " "));
  }
  out += fmt::format("complete -c bantam -f -n '__fish_use_subcommand' -a '{}'\n",
                     all_verbs.substr(1));
  for (const Command& command : all_commands()) {
    const auto in = declare(command);
    std::string when = "__fish_seen_subcommand_from " + command.name;
    if (const std::size_t space = command.name.find(' '); space != std::string::npos) {
      when = fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}",
                         command.name.substr(0, space), command.name.substr(space + 1));
    }
    for (const Option& option : in->options) {
      out += fmt::format(
          "complete -c bantam -n '{}' -l {}{}{} -d {}\n", when, flag_name(option.key).substr(2),
          option.kind == OptionKind::flag ? "" : " -r",
          option.choices.empty() ? "" : fmt::format(" -f -a '{}'", join(option.choices, " ")),
          fish_quoted(option.help));
    }
  }
  return out;
}

class Completion final : public CommandBody {
 public:
  int run(Session& session) override {
    const std::string& shell = session.arguments()[0];
    if (shell == "bash") {
      session.print(bash_script());
    } else if (shell == "zsh") {
      session.print(zsh_script());
    } else if (shell == "fish") {
      session.print(fish_script());
    } else {
      const std::vector<std::string> known = {"bash", "zsh", "fish"};
      throw_unknown_name("shell", shell, known);
    }
    return 0;
  }
};

}  // namespace

Command completion_command() {
  return {.name = "completion",
          .summary = "Print a completion script for bash, zsh or fish.",
          .arguments = {{"SHELL", "bash, zsh or fish."}},
          .examples = {{"source <(bantam completion bash)",
                        "For this shell only; put it into ~/.bashrc to "
                        "keep it."},
                       {"bantam completion fish > ~/.config/fish/completions/bantam.fish", ""}},
          .body = [] { return std::make_unique<Completion>(); }};
}

}  // namespace bantam
