#include "bantam/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <span>
#include <vector>

#include "bantam/base/file_pages.h"
#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

void put(const Path& path, std::string_view text) { std::ofstream(path) << text; }

TEST(MappedFile, ShowsTheBytesAndOutlivesTheName) {
  TemporaryFolder folder;
  put(folder / "a", "hello");
  const auto file = MappedFile::open(folder / "a");
  std::filesystem::remove(folder / "a");
  ASSERT_EQ(file->bytes().size(), 5u);
  EXPECT_EQ(static_cast<char>(file->bytes()[4]), 'o');
}

TEST(MappedFile, ReadsForgottenPagesAgain) {
  TemporaryFolder folder;
  std::string text(5 << 12, 'a');
  text += "the end";
  put(folder / "a", text);
  const auto file = MappedFile::open(folder / "a");
  const Bytes bytes = file->bytes();
  forget_file_pages(bytes.data(), bytes.size());
  forget_file_pages(bytes.data() + 5, 3 << 12);
  forget_file_pages(bytes.data() + 5, 0);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), std::as_bytes(std::span(text)).begin()));
}

TEST(MappedFile, ForgetsNobodyElsesMemory) {
  TemporaryFolder folder;
  put(folder / "a", "hello");
  const auto file = MappedFile::open(folder / "a");
  const std::vector<std::byte> mine(5 << 12, std::byte{7});
  forget_file_pages(mine.data(), mine.size());
  EXPECT_EQ(std::ranges::count(mine, std::byte{7}), 5 << 12);
}

TEST(MappedFile, AnEmptyFileHasNoBytes) {
  TemporaryFolder folder;
  put(folder / "empty", "");
  EXPECT_TRUE(MappedFile::open(folder / "empty")->bytes().empty());
}

TEST(MappedFile, NamesAFileThatIsMissing) {
  EXPECT_ERROR(MappedFile::open("/nowhere/model.gguf"), input, "/nowhere/model.gguf",
               "No such file");
}

TEST(MappedFile, RefusesFoldersPipesAndDevicesWithoutHanging) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_ERROR(MappedFile::open(folder / "pipe"), input, "not a regular file");
  EXPECT_ERROR(MappedFile::open(folder.path()), input, "found a folder");
  EXPECT_ERROR(MappedFile::open("/dev/null"), input, "not a regular file");
}

TEST(MappedFile, RefusesALoopOfLinks) {
  TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "b", folder / "a");
  std::filesystem::create_symlink(folder / "a", folder / "b");
  EXPECT_ERROR(MappedFile::open(folder / "a"), input, "cannot open");
}

TEST(ReadFile, GivesEverythingEvenWhenTheSizeIsNotAnnounced) {
  TemporaryFolder folder;
  put(folder / "a", std::string(100'000, 'x'));
  EXPECT_EQ(read_file(folder / "a").size(), 100'000u);
  EXPECT_NE(read_file("/proc/self/status").find("Name:"), std::string::npos);
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  TemporaryFolder folder;
  put(folder / "a", "12345");
  EXPECT_EQ(read_file(folder / "a", 5), "12345");
  EXPECT_ERROR(read_file(folder / "a", 4), input, "has 5 bytes", "limit here is 4");
}

TEST(RequireFreshOutput, RefusesWhatExistsUnlessForced) {
  TemporaryFolder folder;
  put(folder / "a", "1");
  require_fresh_output(folder / "new", false);
  require_fresh_output(folder / "a", true);
  EXPECT_ERROR(require_fresh_output(folder / "a", false), usage, "exists already", "--force");
}

TEST(RequireFreshOutput, AcceptsAnEmptyFolderOnly) {
  TemporaryFolder folder;
  require_fresh_output(folder.path(), false);
  put(folder / "a", "1");
  EXPECT_ERROR(require_fresh_output(folder.path(), false), usage, "exists already");
}

TEST(RequireFreshOutput, NeverReplacesAnInputWhateverItsSpelling) {
  TemporaryFolder folder;
  put(folder / "a", "1");
  const std::vector<Path> inputs = {folder.path() / "." / "a"};
  EXPECT_ERROR(require_fresh_output(folder / "a", true, inputs), usage, "output and an input");
}

TEST(HomeFolder, FollowsTheFlagThenTheVariables) {
  ::setenv("BANTAM_HOME", "/from/variable", 1);
  EXPECT_EQ(home_folder(), "/from/variable");
  ::unsetenv("BANTAM_HOME");
  ::setenv("XDG_DATA_HOME", "/data", 1);
  EXPECT_EQ(home_folder(), "/data/bantam");
  ::unsetenv("XDG_DATA_HOME");
  set_home_folder("/from/flag");
  EXPECT_EQ(home_folder(), "/from/flag");
  set_home_folder("");
}

}  // namespace
}  // namespace bantam
