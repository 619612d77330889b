#include "bantam/cli/help.h"

#include "bantam/cli/commands.h"
#include "bantam/cli/parse.h"
#include "bantam/cli/session.h"

namespace bantam {

namespace {

class Help final : public CommandBody {
 public:
  int run(Session& session) override {
    const auto& words = session.arguments();
    const int width = std::min(session.width(), 100);
    if (words.empty()) {
      session.print(overview_text(all_commands(), width, session.color()));
      return 0;
    }
    session.print(page(words, width, session.color()));
    return 0;
  }

 private:
  static std::string page(const std::vector<std::string>& words, int width, bool color) {
    std::size_t used = 0;
    const Command* command = match_command(all_commands(), words, used);
    if (command && used == words.size()) return command_text(*command, width, color);
    if (words.size() == 1) {
      std::string text = verb_text(all_commands(), words[0], width, color);
      if (text.empty()) text = option_text(all_commands(), option_key(words[0]), width, color);
      if (!text.empty()) return text;
    }
    std::vector<std::string> names;
    for (const Command& known : all_commands()) names.push_back(known.name);
    std::string wanted;
    for (const std::string& word : words) wanted += (wanted.empty() ? "" : " ") + word;
    const std::string near = nearest_name(wanted, names);
    throw usage_error("help: no command and no option is called '{}'{}", escaped(wanted, 60),
                      near.empty() ? "; `bantam help` lists them" : "; nearest: " + near);
  }

  static std::string option_key(std::string word) {
    while (word.starts_with('-')) word.erase(0, 1);
    for (char& c : word) c = c == '-' ? '_' : c;
    return word;
  }
};

}  // namespace

Command help_command() {
  return {
      .name = "help",
      .summary = "Explain a command, or show where an option is used.",
      .arguments = {{"NAME", "A command such as `runs show`, or an option such as `seed`.", 0, 2}},
      .examples = {{"bantam help runs show", ""}, {"bantam help seed", ""}},
      .body = [] { return std::make_unique<Help>(); }};
}

}  // namespace bantam
