#include "bantam/cli/parse.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "bantam/base/run_store.h"

namespace bantam {

template <>
void describe(Describer<SharedOptions>& d) {
  d(&SharedOptions::out, "out", "File or folder to write.");
  d(&SharedOptions::seed, "seed", "Seed of every random stream.");
  d(&SharedOptions::name, "name", "A name for the run, shown by `bantam runs list`.");
  d(&SharedOptions::dry_run, "dry_run", "Say what would be done (plan, memory, time) and stop.");
  d(&SharedOptions::force, "force", "Replace an existing output.");
  d(&SharedOptions::offline, "offline", "Never use the network.");
  d(&SharedOptions::no_run, "no_run", "Do not write this run to the run store.");
  d(&SharedOptions::config, "config", "TOML file with the same keys, or run:ID to repeat a run.");
  d(&SharedOptions::threads, "threads",
    "Threads for computing, 1 to 1024; all of the machine's when unset.");
  d(&SharedOptions::precision, "precision",
    "How products are formed: auto takes 8-bit integers with quantized weights and for gradients, "
    "16-bit ones for others; on a CPU with AMX bf16 for prompts and all of training. f32, bf16 and "
    "i16 use that type throughout.",
    OneOf{{"auto", "f32", "bf16", "i16"}});
  d(&SharedOptions::home, "home", "Folder of models and runs.");
  d(&SharedOptions::json, "json", "Results as JSON on standard output.");
  d(&SharedOptions::quiet, "quiet", "No progress and no notes.");
  d(&SharedOptions::verbose, "verbose", "More notes, such as each derived value with its rule.");
}

namespace {

constexpr std::array<std::string_view, 7> kAlwaysShared = {"config", "threads", "precision", "home",
                                                           "json",   "quiet",   "verbose"};

struct ShortFlag {
  char letter;
  std::string_view key;
};
constexpr std::array<ShortFlag, 5> kShortFlags = {
    {{'m', "model"}, {'o', "out"}, {'v', "verbose"}, {'q', "quiet"}, {'h', "help"}}};

// A secret given as a flag ends up in the shell's history and in every process list.
constexpr std::array<std::string_view, 7> kSecretFlags = {"api_key",  "apikey",   "key",   "token",
                                                          "hf_token", "password", "secret"};

std::string key_of(std::string_view flag) {
  std::string key(flag);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

template <class T, class U>
bool contains(const T& list, const U& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Applies one source after another; flags last.
class Parser {
 public:
  explicit Parser(Invocation& invocation) : in_(invocation) {}

  void read(std::span<const std::string> words) {
    bool only_arguments = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (only_arguments || word == "-" || !word.starts_with('-')) {
        in_.arguments.push_back(word);
      } else if (word == "--") {
        only_arguments = true;
      } else {
        read_flag(words, i);
      }
    }
  }

  void apply() {
    for (const Given& given : given_) {
      if (given.option->key == "config") in_.shared.config = given.values.back();
    }
    if (const char* path = std::getenv("BANTAM_CONFIG"); path && in_.shared.config.empty()) {
      in_.shared.config = path;
    }
    apply_config();
    apply_variables();
    for (const Given& given : given_) {
      Option& option = *given.option;
      const Json before = option.get();
      const bool was_set = option.was_set;
      option.set(value_of(given));
      if (was_set && before != option.get()) {
        in_.notes.push_back(fmt::format("{} {} replaces {} of the configuration",
                                        flag_name(option.key), options_detail::show(option.get()),
                                        options_detail::show(before)));
      }
      option.was_set = true;
    }
  }

 private:
  struct Given {
    Option* option;
    std::vector<std::string> values;
  };

  Option* find(std::string_view key) {
    for (Option& option : in_.options) {
      if (option.key == key) return &option;
    }
    return nullptr;
  }

  // One flag with its value, which may be the next word.
  void read_flag(std::span<const std::string> words, std::size_t& i) {
    const std::string& word = words[i];
    const std::size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    std::optional<std::string> value;
    if (equals != word.npos) value = word.substr(equals + 1);
    const std::string key = long_key(name);
    if (key == "print_config") {
      in_.print_config = true;
      return;
    }
    Option* option = find(key);
    bool negated = false;
    if (!option && key.starts_with("no_")) {
      option = find(std::string_view(key).substr(3));
      negated = option && option->kind == OptionKind::flag;
      if (!negated) option = nullptr;
    }
    if (!option) throw_unknown_flag(name, key);
    if (option->kind == OptionKind::flag) {
      if (negated && value)
        throw usage_error("{}: takes no value, found '{}'", name, escaped(*value, 60));
      note(*option, negated ? "false" : value.value_or("true"));
      return;
    }
    if (!value) {
      const bool there =
          i + 1 < words.size() && !(words[i + 1].starts_with("--") && words[i + 1].size() > 2);
      if (!there) throw usage_error("{}: expected a value after it; {}", name, option->help);
      value = words[++i];
    }
    note(*option, *value);
  }

  std::string long_key(const std::string& name) const {
    if (name.starts_with("--")) return key_of(std::string_view(name).substr(2));
    for (const ShortFlag& flag : kShortFlags) {
      if (name.size() == 2 && name[1] == flag.letter) return std::string(flag.key);
    }
    throw usage_error("unknown flag '{}'; flags have two dashes, except -m, -o, -v, -q, -h",
                      escaped(name, 60));
  }

  void note(Option& option, std::string value) {
    for (Given& given : given_) {
      if (given.option != &option) continue;
      if (option.kind != OptionKind::list && given.values.back() != value) {
        throw usage_error("{}: given twice, as '{}' and '{}'; give one", flag_name(option.key),
                          escaped(given.values.back(), 60), escaped(value, 60));
      }
      given.values.push_back(std::move(value));
      return;
    }
    given_.push_back({&option, {std::move(value)}});
  }

  [[noreturn]] void throw_unknown_flag(const std::string& name, const std::string& key) const {
    if (contains(kSecretFlags, key)) {
      throw refused_error(
          "{}: secrets are not taken from the command line, where other users can read them; set "
          "the "
          "variable OPENAI_API_KEY or HF_TOKEN, or name another with --key-env",
          escaped(name, 60));
    }
    std::vector<std::string> names = {"--help", "--print-config"};
    for (const Option& option : in_.options) names.push_back(flag_name(option.key));
    const std::string near = nearest_name(name, names);
    throw usage_error("{}: unknown flag '{}'{}", in_.command->name, escaped(name, 60),
                      near.empty() ? fmt::format("; `bantam help {}` lists them", in_.command->name)
                                   : fmt::format("; nearest: {}", near));
  }

  static Json value_of(const Given& given) {
    if (given.option->kind != OptionKind::list) return given.values.back();
    Json all = Json::array();
    for (const std::string& value : given.values) {
      for (std::string& item : options_detail::read_list(given.option->key, value)) {
        all.push_back(std::move(item));
      }
    }
    return all;
  }

  void apply_config() {
    const std::string& config = in_.shared.config;
    if (config.empty()) return;
    if (!config.starts_with("run:")) return apply_config_file(in_.options, config);
    const RunRecord run = RunStore::open(home_of_flags())->get(config.substr(4));
    if (in_.arguments.empty() && run.config.contains("arguments")) {
      in_.arguments = options_detail::read_list("arguments", run.config.at("arguments"));
    }
    for (const auto& [key, value] : run.config.items()) {
      Option* option = find(key);
      if (!option || value.is_null() || key == "config" || key == "home") continue;
      option->set(value);
      option->was_set = true;
    }
  }

  // --home matters before options are applied: it is where run:ID is looked up.
  Path home_of_flags() const {
    for (const Given& given : given_) {
      if (given.option->key == "home") return given.values.back();
    }
    return home_folder();
  }

  void apply_variables() {
    for (Option& option : in_.options) {
      const char* text = std::getenv(variable_name(option.key).c_str());
      if (!text || !*text) continue;
      try {
        option.set(text);
      } catch (const Error& error) {
        throw error.at(variable_name(option.key));
      }
      option.was_set = true;
    }
  }

  Invocation& in_;
  std::vector<Given> given_;
};

void check_arguments(const Invocation& in) {
  std::size_t least = 0, most = 0;
  for (const Argument& argument : in.command->arguments) {
    least += static_cast<std::size_t>(argument.least),
        most += static_cast<std::size_t>(argument.most);
    if (in.arguments.size() < least) {
      throw usage_error("{}: expected {}: {} Try `bantam help {}`.", in.command->name,
                        argument.name, argument.help, in.command->name);
    }
  }
  if (in.arguments.size() > most) {
    throw usage_error("{}: one argument too many: '{}'", in.command->name,
                      escaped(in.arguments[most], 60));
  }
}

[[noreturn]] void throw_unknown_command(std::span<const Command> commands,
                                        std::span<const std::string> words) {
  std::vector<std::string> names, nouns;
  for (const Command& command : commands) {
    names.push_back(command.name);
    if (command.name.starts_with(words[0] + " "))
      nouns.push_back(command.name.substr(words[0].size() + 1));
  }
  if (words[0].starts_with('-')) {
    throw usage_error("expected a command before '{}', as in: bantam doctor --json",
                      escaped(words[0], 60));
  }
  if (!nouns.empty()) {
    std::string all;
    for (const std::string& noun : nouns) all += (all.empty() ? "" : ", ") + noun;
    if (words.size() < 2 || words[1].starts_with('-')) {
      throw usage_error("{}: expected one of {}", words[0], all);
    }
    const std::string near = nearest_name(words[1], nouns);
    throw usage_error(
        "unknown command '{} {}'; {}", words[0], escaped(words[1], 60),
        near.empty() ? "known: " + all : fmt::format("nearest: {} {}", words[0], near));
  }
  const std::string near = nearest_name(words[0], names);
  throw usage_error("unknown command '{}'; {}", escaped(words[0], 60),
                    near.empty() ? "`bantam help` lists them" : "nearest: " + near);
}

}  // namespace

std::string flag_name(std::string_view key) {
  std::string flag = fmt::format("--{}", key);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string variable_name(std::string_view key) {
  std::string name = "BANTAM_";
  for (const char c : key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

char short_flag(std::string_view key) {
  for (const ShortFlag& flag : kShortFlags) {
    if (flag.key == key) return flag.letter;
  }
  return 0;
}

std::unique_ptr<Invocation> declare(const Command& command) {
  auto in = std::make_unique<Invocation>();
  in->command = &command;
  in->body = command.body();
  in->options = in->body->options();
  in->own_options = in->options.size();
  for (Option& option : options_of(in->shared)) {
    const bool read = contains(kAlwaysShared, option.key) || contains(command.shared, option.key);
    const bool own = std::any_of(in->options.begin(), in->options.end(),
                                 [&](const Option& other) { return other.key == option.key; });
    if (read && !own) in->options.push_back(std::move(option));
  }
  return in;
}

const Command* match_command(std::span<const Command> commands, std::span<const std::string> words,
                             std::size_t& used) {
  for (used = std::min<std::size_t>(2, words.size()); used > 0; --used) {
    const std::string name = used == 2 ? words[0] + " " + words[1] : words[0];
    for (const Command& command : commands) {
      if (command.name == name) return &command;
    }
  }
  return nullptr;
}

std::unique_ptr<Invocation> parse_command_line(std::span<const Command> commands,
                                               std::span<const std::string> words) {
  std::size_t used = 0;
  const Command* command = match_command(commands, words, used);
  if (!command) throw_unknown_command(commands, words);
  auto in = declare(*command);
  // Help is for people in trouble: no mistake elsewhere on the line stands in its way.
  const auto end = std::find(words.begin(), words.end(), "--");
  in->help = std::any_of(words.begin(), end,
                         [](const std::string& word) { return word == "--help" || word == "-h"; });
  if (in->help) return in;
  Parser parser(*in);
  parser.read(words.subspan(used));
  parser.apply();
  if (!in->print_config) check_arguments(*in);
  return in;
}

}  // namespace bantam
