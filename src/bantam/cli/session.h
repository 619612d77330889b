// What a running command may touch: its arguments, the shared options, results on stdout, progress
// on stderr, its run.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/base/progress.h"
#include "bantam/base/run_store.h"
#include "bantam/cli/command.h"
#include "bantam/cli/table.h"

namespace bantam {

class Session {
 public:
  Session(std::vector<std::string> arguments, const SharedOptions& shared, Json config,
          ProgressSink& progress)
      : arguments_(std::move(arguments)),
        shared_(shared),
        config_(std::move(config)),
        progress_(progress) {}

  /// Positional arguments in order; their number was checked against the declaration.
  const std::vector<std::string>& arguments() const { return arguments_; }
  const SharedOptions& shared() const { return shared_; }
  /// Every option with its resolved value, as the run records it. Null: derived by the command.
  const Json& config() const { return config_; }
  ProgressSink& progress() { return progress_; }
  /// Null with --no-run, --dry-run, and in commands that are not recorded.
  Run* run() { return run_ ? &*run_ : nullptr; }
  void set_run(Run run) { run_.emplace(std::move(run)); }

  bool json() const { return shared_.json; }
  /// Colour on stdout: a terminal, NO_COLOR unset; CLICOLOR_FORCE overrules.
  bool color() const;
  /// Columns of stdout, 60 … 200; 100 when it is no terminal.
  int width() const;

  /// Text to stdout. A closed or full stdout throws Error(resources), exit code 4.
  void print(std::string_view text);
  template <class... Args>
  void print(fmt::format_string<Args...> text, Args&&... args) requires(sizeof...(Args) > 0) {
    print(std::string_view(fmt::format(text, std::forward<Args>(args)...)));
  }
  void print(const Table& table);
  /// Makes what was printed visible now: for answers that stream.
  void flush();
  /// The one object of --json, indented.
  void result(const Json& value);
  /// One line of a JSONL stream, flushed.
  void event(const Json& value);

 private:
  std::vector<std::string> arguments_;
  const SharedOptions& shared_;
  Json config_;
  ProgressSink& progress_;
  std::optional<Run> run_;
};

}  // namespace bantam
