#include "bantam/base/run_store.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <set>

#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

TEST(RunStore, KeepsWhatARunTold) {
  TemporaryFolder home;
  const auto store = RunStore::open(home.path());
  EXPECT_EQ(store->warning(), "");
  std::string id;
  {
    auto run = store->start("data show", Json{{"rank", 8}}, 1234, "first try", "parent-id");
    id = run.id();
    run.log(1, "loss", 2.5);
    run.log(2, "loss", std::nan(""));
    run.log(1, "rate", 1e-3);
    write_file_atomically(run.folder() / "a.txt", "abc");
    run.add_file(run.folder() / "a.txt", "report");
    run.add_row(Json{{"cell", 1}});
    run.finish("done");
  }
  const RunRecord record = store->get(id);
  EXPECT_EQ(record.command, "data show");
  EXPECT_EQ(record.name, "first try");
  EXPECT_EQ(record.parent, "parent-id");
  EXPECT_EQ(record.status, "done");
  EXPECT_EQ(record.seed, 1234);
  EXPECT_EQ(record.config["rank"], 8);
  EXPECT_GE(record.ended, record.started);
  const auto losses = store->metrics(id, "loss");
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[0].value, 2.5);
  EXPECT_FALSE(losses[1].value);
  EXPECT_EQ(store->metrics(id).size(), 3u);
  ASSERT_EQ(store->files(id).size(), 1u);
  EXPECT_EQ(store->files(id)[0].sha256, sha256(std::as_bytes(std::span(std::string_view("abc")))));
  EXPECT_EQ(store->rows(id)[0]["cell"], 1);
}

TEST(RunStore, IdsAreUniqueAndFoundByTheirBeginning) {
  TemporaryFolder home;
  const auto store = RunStore::open(home.path());
  std::set<std::string> ids;
  for (int i = 0; i < 50; ++i) ids.insert(store->start("tune", Json::object(), 1).id());
  EXPECT_EQ(ids.size(), 50u);
  EXPECT_THAT(*ids.begin(), testing::MatchesRegex("[0-9]{8}-[0-9]{4}-tune-[0-9a-f]{4}"));
  EXPECT_EQ(store->get(*ids.begin()).id, *ids.begin());
  EXPECT_ERROR(store->get("20"), input, "fits several runs");
  EXPECT_ERROR(store->get("nothing"), input, "no run has an id", "runs list");
  EXPECT_ERROR(store->get("%"), input, "no run has an id");
}

TEST(RunStore, ListsTheNewestFirst) {
  TemporaryFolder home;
  const auto store = RunStore::open(home.path());
  store->start("first", Json::object(), 1).finish("done");
  store->start("second", Json::object(), 1).finish("done");
  const auto runs = store->list(1);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].command, "second");
}

TEST(RunStore, ARunThatIsNotFinishedCountsAsFailed) {
  TemporaryFolder home;
  const auto store = RunStore::open(home.path());
  { auto run = store->start("tune", Json::object(), 1); }
  EXPECT_EQ(store->list()[0].status, "failed");
}

TEST(RunStore, ARunOfAKilledProcessCountsAsInterruptedAndKeepsItsMetrics) {
  TemporaryFolder home;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto run = RunStore::open(home.path())->start("tune", Json::object(), 1);
    run.log(1, "loss", 3);
    ::usleep(1'100'000);
    run.log(2, "loss", 2);  // more than a second after the last commit: both are written
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const auto store = RunStore::open(home.path());
  EXPECT_EQ(store->list()[0].status, "interrupted");
  EXPECT_EQ(store->metrics(store->list()[0].id).size(), 2u);
}

TEST(RunStore, TwoProcessesWriteAtOnce) {
  TemporaryFolder home;
  constexpr int kChildren = 4, kRuns = 10;
  for (int c = 0; c < kChildren; ++c) {
    if (::fork() == 0) {
      const auto store = RunStore::open(home.path());
      for (int i = 0; i < kRuns; ++i) store->start("tune", Json::object(), i).finish("done");
      ::_exit(store->warning().empty() ? 0 : 1);
    }
  }
  for (int c = 0; c < kChildren; ++c) {
    int status = 0;
    ::wait(&status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  EXPECT_EQ(RunStore::open(home.path())->list(1000).size(), std::size_t{kChildren * kRuns});
}

TEST(RunStore, ADamagedStoreIsMovedAsideAndWorkGoesOn) {
  TemporaryFolder home;
  std::ofstream(home / "runs.sqlite")
      << "this is not a database, whatever its name says; it is long enough";
  const auto store = RunStore::open(home.path());
  EXPECT_THAT(store->warning(), testing::HasSubstr("moved aside"));
  EXPECT_TRUE(std::filesystem::exists(home / "runs.sqlite.damaged-1"));
  store->start("tune", Json::object(), 1).finish("done");
  EXPECT_EQ(RunStore::open(home.path())->list().size(), 1u);
}

TEST(RunStore, AStoreWithOverwrittenPagesIsMovedAside) {
  TemporaryFolder home;
  {
    const auto store = RunStore::open(home.path());
    for (int i = 0; i < 50; ++i) store->start("tune", Json::object(), i).finish("done");
  }
  std::fstream file(home / "runs.sqlite", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(8 * 4096, '\x5a');
  file.close();
  const auto store = RunStore::open(home.path());
  EXPECT_THAT(store->warning(), testing::HasSubstr("moved aside"));
  EXPECT_TRUE(store->list().empty());
}

TEST(RunStore, APlaceThatCannotBeWrittenOnlyWarns) {
  const auto store = RunStore::open("/proc/bantam-home");
  EXPECT_THAT(store->warning(), testing::HasSubstr("not recorded"));
  auto run = store->start("tune", Json::object(), 1);
  run.log(1, "loss", 1);
  run.finish("done");
  EXPECT_EQ(store->list().size(), 1u);  // in memory, for this process
}

}  // namespace
}  // namespace bantam
