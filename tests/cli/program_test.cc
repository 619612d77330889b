// Exit codes, messages and signals: as seen by whoever calls the program.
#include "bantam/cli/program.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <new>

#include "bantam/base/progress.h"
#include "bantam/cli/session.h"
#include "tests/base/expect_error.h"
#include "tests/cli/run_bantam.h"

namespace bantam {
namespace {

class Body final : public CommandBody {
 public:
  explicit Body(std::function<int(Session&)> work) : work_(std::move(work)) {}
  int run(Session& session) override { return work_(session); }

 private:
  std::function<int(Session&)> work_;
};

Command command(const std::string& name, std::function<int(Session&)> work) {
  return {.name = name,
          .summary = "",
          .shared = working_options(),
          .recorded = true,
          .body = [work = std::move(work)] { return std::make_unique<Body>(work); }};
}

class Program : public testing::Test {
 protected:
  void SetUp() override { set_home_folder(home_.path()); }
  void TearDown() override {
    set_home_folder("");
    Interrupt::reset();
  }
  int run(std::function<int(Session&)> work, std::vector<std::string> flags = {}) {
    const std::vector<Command> commands = {command("work", std::move(work))};
    flags.insert(flags.begin(), "work");
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const int code = run_program(commands, flags);
    output_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return code;
  }
  TemporaryFolder home_;
  std::string output_, error_;
};

TEST_F(Program, TheKindOfAnErrorIsTheExitCode) {
  for (const auto kind : {Error::Kind::failed_expectation, Error::Kind::usage, Error::Kind::input,
                          Error::Kind::resources, Error::Kind::diverged, Error::Kind::network,
                          Error::Kind::refused, Error::Kind::internal}) {
    EXPECT_EQ(run([&](Session&) -> int { throw Error(kind, "the reason"); }),
              static_cast<int>(kind));
    EXPECT_THAT(error_, testing::StartsWith("bantam: "));
    EXPECT_THAT(error_, testing::HasSubstr("the reason"));
  }
}

TEST_F(Program, OtherExceptionsHaveTheirCodes) {
  EXPECT_EQ(run([](Session&) -> int { throw std::bad_alloc(); }), 4);
  EXPECT_THAT(error_, testing::HasSubstr("out of memory"));
  EXPECT_EQ(run([](Session&) -> int { throw std::logic_error("odd"); }), 70);
  EXPECT_THAT(error_, testing::HasSubstr("internal error: odd"));
  EXPECT_EQ(run([](Session&) -> int { throw Interrupted(SIGTERM, "at step 5"); }), 143);
  EXPECT_EQ(run([](Session&) -> int {
              std::filesystem::create_directory("/no/such/parent");
              return 0;
            }),
            3);
  EXPECT_THAT(error_, testing::HasSubstr("/no/such/parent"));
}

TEST_F(Program, EveryEndIsRecorded) {
  run(
      [](Session& session) {
        session.run()->log(1, "loss", 2);
        return 0;
      },
      {"--name", "good"});
  run([](Session&) { return 1; });
  run([](Session&) -> int { throw input_error("x"); });
  run([](Session&) -> int { throw Interrupted(SIGINT, "x"); });
  const auto runs = RunStore::open(home_.path())->list();
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[3].status, "done");
  EXPECT_EQ(runs[3].name, "good");
  EXPECT_EQ(runs[3].config["seed"], 1234);
  EXPECT_EQ(runs[2].status, "failed");
  EXPECT_EQ(runs[1].status, "failed");
  EXPECT_EQ(runs[0].status, "interrupted");
}

TEST_F(Program, NothingIsRecordedWhenAskedNotTo) {
  const auto has_no_run = [](Session& session) { return session.run() ? 1 : 0; };
  EXPECT_EQ(run(has_no_run, {"--no-run"}), 0);
  EXPECT_EQ(run(has_no_run, {"--dry-run"}), 0);
  EXPECT_FALSE(std::filesystem::exists(home_ / "runs.sqlite"));
}

TEST_F(Program, ARunIsRepeatedFromItsRecord) {
  run([](Session&) { return 0; }, {"--seed", "77"});
  const std::string id = RunStore::open(home_.path())->list()[0].id;
  run(
      [](Session& session) {
        session.print("{}", session.shared().seed);
        return 0;
      },
      {"--config", "run:" + id});
  EXPECT_EQ(output_, "77");
}

TEST_F(Program, QuietShowsNeitherProgressNorNotes) {
  const auto work = [](Session& session) {
    const ProgressPhase phase(session.progress(), "Scoring", 2, "rows");
    session.progress().note("a note");
    return 0;
  };
  run(work);
  EXPECT_THAT(error_, testing::AllOf(testing::HasSubstr("a note"), testing::HasSubstr("Scoring")));
  run(work, {"--quiet"});
  EXPECT_EQ(error_, "");
}

// A child that works until it is asked to stop, or for ever when it is deaf.
int exit_code_after_signals(bool deaf, const std::vector<int>& signals) {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::vector<Command> commands = {command("work", [&](Session&) -> int {
      while (deaf || Interrupt::requested() == 0) ::usleep(1000);
      throw Interrupted(Interrupt::requested(), "in order");
    })};
    ::_exit(run_program(commands, {"work", "--no-run", "--quiet"}));
  }
  for (const int signal : signals) {
    ::usleep(200'000);
    ::kill(child, signal);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Signals, TheFirstOneStopsInOrder) {
  EXPECT_EQ(exit_code_after_signals(false, {SIGINT}), 130);
  EXPECT_EQ(exit_code_after_signals(false, {SIGTERM}), 143);
}

TEST(Signals, TheSecondOneDoesNotWait) {
  EXPECT_EQ(exit_code_after_signals(true, {SIGINT, SIGINT}), 130);
  EXPECT_EQ(exit_code_after_signals(true, {SIGINT, SIGTERM}), 143);
}

TEST(Signals, AMappedFileThatIsCutIsRefusedInput) {  // G20
  TemporaryFolder folder;
  write_file_atomically(folder / "model", std::string(100'000, 'x'));
  const pid_t child = ::fork();
  if (child == 0) {
    const std::vector<Command> commands = {command("work", [&](Session&) -> int {
      const auto file = MappedFile::open(folder / "model");
      std::filesystem::resize_file(folder / "model", 10);
      return static_cast<int>(file->bytes()[90'000]);
    })};
    ::_exit(run_program(commands, {"work", "--no-run", "--quiet"}));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(BuiltProgram, AClosedOrFullStandardOutputIsExitCodeFour) {  // K12
  const BantamProgram bantam;
  const auto closed = bantam.shell("\"$BANTAM\" doctor >&-");
  EXPECT_EQ(closed.exit_code, 4);
  EXPECT_THAT(closed.error, testing::HasSubstr("standard output: cannot write"));
  EXPECT_EQ(bantam.shell("\"$BANTAM\" doctor > /dev/full").exit_code, 4);
  EXPECT_EQ(bantam.shell("set -o pipefail; \"$BANTAM\" completion bash | true").exit_code % 4, 0);
}

TEST(BuiltProgram, NoTerminalMeansNoColourAndNoBars) {  // K12
  const BantamProgram bantam;
  EXPECT_EQ(bantam({"help"}).output.find('\x1b'), std::string::npos);
  EXPECT_NE(bantam({"help"}, {"CLICOLOR_FORCE=1"}).output.find("\x1b[1m"), std::string::npos);
}

TEST(BuiltProgram, ConfigurationMistakesNameFileLineAndKey) {  // K1, K2, K5
  const BantamProgram bantam;
  const auto with = [&](const std::string& text) {
    std::ofstream(bantam.home() / "c.toml") << text;
    return bantam({"runs", "list", "--config", (bantam.home() / "c.toml").string()});
  };
  EXPECT_EQ(with("limit = 3\n").exit_code, 0);
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"\nlimt = 3\n", "line 2: unknown key 'limt'; nearest: limit"},
           {"limit = \"3\"\n", "expected a number without quotes"},
           {"limit = 0\n", "at least 1"},
           {"limit = = 3\n", "line 1, column 9"}}) {
    const auto result = with(text);
    EXPECT_EQ(result.exit_code, 2) << text;
    EXPECT_THAT(result.error, testing::HasSubstr(part));
    EXPECT_THAT(result.error, testing::StartsWith("bantam: "));
    EXPECT_EQ(result.output, "");
  }
}

TEST(BuiltProgram, ThreadsThatNoMachineHasAreExitCodeFour) {  // K7
  const BantamProgram bantam;
  for (const char* count : {"0", "-1", "1000000"}) {
    const auto result = bantam({"runs", "list", "--threads", count});
    EXPECT_EQ(result.exit_code, 4) << count;
    EXPECT_THAT(result.error, testing::HasSubstr(fmt::format("threads: {} asked for", count)));
    EXPECT_THAT(result.error, testing::ContainsRegex("this machine runs [0-9]+ at once"));
    EXPECT_EQ(result.output, "");
  }
  std::ofstream(bantam.home() / "c.toml") << "threads = 0\n";
  EXPECT_EQ(bantam({"runs", "list", "--config", (bantam.home() / "c.toml").string()}).exit_code, 4);
  EXPECT_EQ(bantam({"runs", "list", "--threads", "many"}).exit_code, 2);
  EXPECT_EQ(bantam({"runs", "list", "--threads", "1"}).exit_code, 0);
}

TEST(BuiltProgram, ResolvedOptionsArePrintedAsAFileThatCanBeUsed) {
  const BantamProgram bantam;
  const auto printed = bantam({"runs", "list", "--limit", "7", "--print-config"});
  EXPECT_THAT(printed.output, testing::HasSubstr("limit = 7\n"));
  std::ofstream(bantam.home() / "c.toml") << printed.output;
  EXPECT_EQ(bantam({"runs", "list", "--config", (bantam.home() / "c.toml").string()}).exit_code, 0);
}

TEST(BuiltProgram, NumbersDoNotDependOnTheLocale) {  // K10
  const BantamProgram bantam;
  EXPECT_THAT(
      bantam({"runs", "list", "--limit", "1.5k", "--print-config"}, {"LC_ALL=de_DE.UTF-8"}).output,
      testing::HasSubstr("limit = 1500\n"));
}

TEST(BuiltProgram, StrangeNamesAreShownEscaped) {  // K9
  const BantamProgram bantam;
  const auto result = bantam({"runs", "show", "--", "-a\nb\xff"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.error, testing::HasSubstr("'-a\\x0ab\\xff'"));
}

}  // namespace
}  // namespace bantam
