#include "bantam/cli/program.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <new>
#include <system_error>

#include "bantam/base/files.h"
#include "bantam/base/system_error.h"
#include "bantam/base/threads.h"
#include "bantam/base/version.h"
#include "bantam/cli/help.h"
#include "bantam/cli/parse.h"
#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"
#include "bantam/cli/terminal_progress.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam {

namespace {

constexpr int kHelpWidth = 100;

// The first signal asks for an orderly stop; a second one does not wait for it.
void on_signal(int signal) {
  if (Interrupt::requested() != 0) ::_exit(128 + signal);
  Interrupt::request(signal);
  constexpr std::string_view kText = "\nbantam: stopping in order; once more stops at once\n";
  if (::isatty(STDERR_FILENO) == 1) {
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
  }
}

// A mapped file that was cut while it is read ends in SIGBUS. Only async-signal-safe calls are left
// here.
void on_bus_error(int) {
  constexpr std::string_view kText =
      "bantam: a model or data file became shorter while it was being read; start again\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(static_cast<int>(Error::Kind::input));
}

void install_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: a read from the terminal must return, so that `chat` notices.
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGBUS, on_bus_error);
}

// A stream that the caller closed would lend its number to the next file opened here, and results
// would be written into it. Opened for reading only, it keeps its number and every write to it
// fails.
void claim_standard_streams() {
  while (true) {
    const int number = ::open("/dev/null", O_RDONLY);
    if (number > STDERR_FILENO) ::close(number);
    if (number < 0 || number > STDERR_FILENO) return;
  }
}

void complain(std::string_view text) { write_stderr(fmt::format("bantam: {}\n", text)); }

TerminalProgress::Mode progress_mode(const SharedOptions& shared) {
  if (shared.quiet) return TerminalProgress::Mode::quiet;
  return can_redraw(Stream::error) ? TerminalProgress::Mode::live : TerminalProgress::Mode::lines;
}

Json resolved(const Invocation& in) {
  Json config = Json::object();
  for (const Option& option : in.options) config[option.key] = option.get();
  if (!in.arguments.empty()) config["arguments"] = in.arguments;
  return config;
}

// Runs the body and records how it ended; the exception goes on to the caller.
int run_recorded(Invocation& in, Session& session) {
  const bool recorded = in.command->recorded && !in.shared.no_run && !in.shared.dry_run;
  if (!recorded) return in.body->run(session);
  const auto store = RunStore::open(home_folder());
  session.set_run(store->start(in.command->name, session.config(), in.shared.seed, in.shared.name));
  if (!store->warning().empty()) session.progress().note("warning: " + store->warning());
  try {
    const int code = in.body->run(session);
    session.run()->finish(code == 0 ? "done" : "failed");
    return code;
  } catch (const Interrupted&) {
    session.run()->finish("interrupted");
    throw;
  }  // anything else: the run's destructor records "failed"
}

// For the library 0 means "all"; as a flag it asks for what no machine can give.
void use_threads(int count) {
  if (count == 0) {
    throw resource_error(
        "threads: 0 asked for, this machine runs {} at once; expected at least 1, or leave "
        "--threads out for all of them",
        thread_count());
  }
  set_thread_count(count);
}

int run_invocation(Invocation& in) {
  if (in.shared.home) set_home_folder(*in.shared.home);
  if (in.shared.threads) use_threads(*in.shared.threads);
  for (const auto type : {MatmulPrecision::f32, MatmulPrecision::bf16, MatmulPrecision::i16}) {
    if (in.shared.precision == name_of(type)) set_matmul_precision(type);
  }
  TerminalProgress progress(progress_mode(in.shared));
  for (const std::string& note : in.notes) progress.note(note);
  Session session(in.arguments, in.shared, resolved(in), progress);
  const int code = run_recorded(in, session);
  session.flush();
  return code;
}

int run_words(std::span<const Command> commands, const std::vector<std::string>& words) {
  const int width = stream_width(Stream::out, 60, kHelpWidth, 90);
  const bool color = wants_color(Stream::out);
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    write_stdout(overview_text(commands, width, color));
    return 0;
  }
  if (words[0] == "--version" || words[0] == "version") {
    write_stdout(fmt::format("bantam {}\n", version()));
    return 0;
  }
  const std::string verb = verb_text(commands, words[0], width, color);
  const bool asks = words.size() == 2 && (words[1] == "--help" || words[1] == "-h");
  std::size_t used = 0;
  if (asks && !verb.empty() && !match_command(commands, words, used)) {
    write_stdout(verb);
    return 0;
  }
  const auto in = parse_command_line(commands, words);
  if (in->help) {
    write_stdout(command_text(*in->command, width, color));
  } else if (in->print_config) {
    write_stdout(print_config(in->options));
  } else {
    return run_invocation(*in);
  }
  return 0;
}

int report(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) {
    complain(known->kind() == Error::Kind::internal
                 ? fmt::format("internal error: {}; please report it", known->what())
                 : known->what());
    return known->exit_code();
  }
  if (const auto* stopped = dynamic_cast<const Interrupted*>(&error)) {
    complain(fmt::format("stopped: {}", stopped->what()));
    return 128 + stopped->signal();
  }
  if (dynamic_cast<const std::bad_alloc*>(&error)) {
    complain("out of memory; try a smaller model, a shorter --context or a smaller --batch");
    return static_cast<int>(Error::Kind::resources);
  }
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    const Error known =
        system_error(file->code().value(), file->path1(), "use it", Error::Kind::input);
    complain(known.what());
    return known.exit_code();
  }
  complain(fmt::format("internal error: {}; please report it", error.what()));
  return static_cast<int>(Error::Kind::internal);
}

}  // namespace

int run_program(std::span<const Command> commands, const std::vector<std::string>& words) {
  try {
    claim_standard_streams();
    install_signals();
    const int code = run_words(commands, words);
    flush_stdout();
    return code;
  } catch (const std::exception& error) {
    return report(error);
  }
}

}  // namespace bantam
