// What a command is: its declaration, and the body that does the work. The frame parses, helps,
// records and reports; a body only reads its options and works.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/options.h"

namespace bantam {

class Session;

/// A positional argument.
struct Argument {
  static constexpr int kAny = 1'000'000;
  std::string name;  ///< as help shows it: "DATA"
  std::string help;
  int least = 1;  ///< 0 makes it optional
  int most = 1;   ///< kAny for a list; only the last argument may be one
};

struct CommandExample {
  std::string line;  ///< "bantam data show rows.jsonl --limit 3"
  std::string says;  ///< what it does, one sentence; may be empty
};

/// One use of a command. Made, given its options, run once.
class CommandBody {
 public:
  virtual ~CommandBody() = default;
  /// Bound to fields of this object, as options_of() gives them. Called once, before run().
  virtual std::vector<Option> options() { return {}; }
  /// Returns the exit code; throws Error, Interrupted or std::bad_alloc.
  virtual int run(Session& session) = 0;
};

/// The sections of `bantam help`.
enum class CommandGroup { use_model, make_model, make_data, judge, operate };

struct Command {
  std::string name;  ///< "doctor", "data show"
  CommandGroup group = CommandGroup::operate;
  std::string summary;       ///< one line, a verb first
  std::string details = {};  ///< paragraphs of `bantam help NAME`; may be empty
  std::vector<Argument> arguments = {};
  std::vector<CommandExample> examples = {};
  /// Keys of SharedOptions that this command reads besides config, threads, precision, home, json, quiet and
  /// verbose. Others are unknown flags here, so that none is accepted and then ignored.
  std::vector<std::string> shared = {};
  /// True: a run is written to the run store, unless --no-run or --dry-run.
  bool recorded = false;
  std::function<std::unique_ptr<CommandBody>()> body;
};

/// The shared keys of commands that work for a while and write results.
inline std::vector<std::string> working_options() {
  return {"out", "seed", "name", "no_run", "force", "offline", "dry_run"};
}

/// Flags with the same name and meaning in every command that has them.
struct SharedOptions {
  std::string config;
  std::optional<std::string> out;
  std::int64_t seed = 1234;
  std::optional<int> threads;
  std::string precision = "auto";
  std::optional<std::string> home;
  std::string name;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool dry_run = false;
  bool force = false;
  bool offline = false;
  bool no_run = false;
};

}  // namespace bantam
