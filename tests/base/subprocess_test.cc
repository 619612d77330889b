#include "bantam/base/subprocess.h"

#include <chrono>

#include "bantam/base/run_store.h"
#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

TEST(RunProcess, CapturesBothStreamsAndTheExitCode) {
  const auto result = run_process({"sh", "-c", "echo out; echo problem >&2; exit 3"}, "dash");
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.error, "problem\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(RunProcess, NoShellReadsTheArguments) {
  EXPECT_EQ(run_process({"printf", "%s", "$HOME; `ls` *"}, "coreutils").output, "$HOME; `ls` *");
}

TEST(RunProcess, AMissingProgramNamesItsPackage) {
  EXPECT_ERROR(run_process({"no-such-program-here"}, "some-package"), refused,
               "no-such-program-here", "some-package");
}

TEST(RunProcess, StopsAtTheTimeoutWithAllChildren) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = run_process({"sh", "-c", "echo begun; sleep 60 & sleep 60"}, "dash", 0.3);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(result.exit_code, 128 + 9);
  EXPECT_EQ(result.output, "begun\n");
  EXPECT_THAT(result.error, testing::HasSubstr("stopped after 0.3 seconds"));
}

TEST(RunProcess, OutputBeyondSixteenMebibytesIsCutAndTheChildNotBlocked) {
  const auto result = run_process({"sh", "-c", "head -c 20000000 /dev/zero"}, "coreutils");
  EXPECT_EQ(result.output.size(), std::size_t{16} << 20);
  EXPECT_EQ(result.exit_code, 0);
}

TEST(RunProcess, AKilledChildIsReportedByItsSignal) {
  EXPECT_EQ(run_process({"sh", "-c", "kill -TERM $$"}, "dash").exit_code, 128 + 15);
}

TEST(RunProcess, NoFileOfOursReachesTheChild) {
  TemporaryFolder folder;
  AtomicFile file(folder / "open-in-the-parent");
  const auto store = RunStore::open(folder.path());
  const auto result = run_process({"ls", "-l", "/proc/self/fd"}, "coreutils");
  EXPECT_THAT(result.output, testing::HasSubstr("0 -> /dev/null"));
  EXPECT_THAT(result.output, testing::Not(testing::HasSubstr(folder.path().string())));
}

}  // namespace
}  // namespace bantam
