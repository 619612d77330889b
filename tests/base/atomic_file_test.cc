// AtomicFile against failing storage: whatever goes wrong, the old content stays and nothing is
// left beside it.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "bantam/base/files.h"
#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

std::size_t file_count(const Path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

// Largest size of files this process may write; writing more fails with EFBIG, at any chosen byte.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  TemporaryFolder folder;
  AtomicFile file(folder / "a");
  file.write("hello ");
  file.write("world");
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  EXPECT_EQ(file.position(), 11u);
  file.commit();
  EXPECT_EQ(read_file(folder / "a"), "hello world");
  EXPECT_EQ(file_count(folder.path()), 1u);
}

TEST(AtomicFile, LeavesNothingBehindWhenAbandoned) {
  TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(file_count(folder.path()), 1u);
}

TEST(AtomicFile, TwoWritersOfOneNameDoNotMix) {
  TemporaryFolder folder;
  AtomicFile first(folder / "a"), second(folder / "a");
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  EXPECT_EQ(read_file(folder / "a"), "first");
  EXPECT_EQ(file_count(folder.path()), 1u);
}

TEST(AtomicFile, FollowsTheUmask) {
  TemporaryFolder folder;
  const mode_t before = ::umask(027);
  write_file_atomically(folder / "a", "x");
  ::umask(before);
  struct stat status;
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, StorageThatFailsAtAnyByteKeepsTheOldContent) {
  const std::string content(3'000'000, 'n');
  for (const rlim_t limit :
       {rlim_t{0}, rlim_t{1}, rlim_t{4096}, rlim_t{1} << 20, rlim_t{2'999'999}}) {
    TemporaryFolder folder;
    write_file_atomically(folder / "a", "old");
    {
      const FileSizeLimit small(limit);
      EXPECT_ERROR(write_file_atomically(folder / "a", content), resources, "cannot write",
                   "ulimit");
    }
    EXPECT_EQ(read_file(folder / "a"), "old") << limit;
    EXPECT_EQ(file_count(folder.path()), 1u) << limit;
  }
  TemporaryFolder folder;
  const FileSizeLimit enough(content.size());
  write_file_atomically(folder / "a", content);
  EXPECT_EQ(read_file(folder / "a"), content);
}

TEST(AtomicFile, APlaceThatTakesNoFilesIsNamed) {
  EXPECT_ERROR(write_file_atomically("/proc/bantam", "x"), usage, "/proc/bantam", "cannot write");
}

TEST(AtomicFile, RefusesFoldersAndMissingFolders) {
  TemporaryFolder folder;
  EXPECT_ERROR(AtomicFile(folder.path()), usage, "found a folder");
  EXPECT_ERROR(AtomicFile(folder / "no/such/file"), usage, "No such file", "its folder exists");
}

TEST(AtomicFile, AProcessKilledWhileWritingLeavesTheOldContent) {
  TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    AtomicFile file(folder / "a");
    file.write(std::string(4'000'000, 'n'));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_file(folder / "a"), "old");
}

TEST(AtomicFile, WritingAfterCommitIsABug) {
  TemporaryFolder folder;
  AtomicFile file(folder / "a");
  file.commit();
  EXPECT_ERROR(file.write("x"), internal, "write after commit");
}

}  // namespace
}  // namespace bantam
