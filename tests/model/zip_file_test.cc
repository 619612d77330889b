#include "bantam/model/zip_file.h"

#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::HasSubstr;

// Two members made by Python's zipfile: "a.txt" deflated (1,000 times "bantam "), "b" stored
// ("hello").
std::string archive() {
  return read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/model_files/small.zip");
}

TEST(ZipFile, UnpacksDeflatedAndStoredMembers) {
  TemporaryFolder folder;
  const std::string zip = archive();
  const auto members = parse_zip(as_bytes(zip), "z");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].name, "a.txt");
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += "bantam ";
  extract_zip_member(as_bytes(zip), members[0], folder.path() / "a", "z");
  EXPECT_EQ(read_file(folder.path() / "a"), expected);
  extract_zip_member(as_bytes(zip), members[1], folder.path() / "b", "z");
  EXPECT_EQ(read_file(folder.path() / "b"), "hello");
}

TEST(ZipFile, DamageLeavesNothing) {
  TemporaryFolder folder;
  const std::string zip = archive();
  auto members = parse_zip(as_bytes(zip), "z");
  members[0].crc32 ^= 1;
  EXPECT_THAT(
      error_of([&] { extract_zip_member(as_bytes(zip), members[0], folder.path() / "a", "z"); }),
      HasSubstr("damaged"));
  members[0].crc32 ^= 1;
  members[0].bytes = 10;  // a bomb: more comes out than was stated
  EXPECT_THAT(
      error_of([&] { extract_zip_member(as_bytes(zip), members[0], folder.path() / "a", "z"); }),
      HasSubstr("damaged"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ZipFile, EveryTruncationIsRefused) {
  TemporaryFolder folder;
  const std::string zip = archive();
  for (std::size_t length = 0; length < zip.size(); ++length) {
    const std::vector<char> cut(zip.begin(), zip.begin() + static_cast<std::ptrdiff_t>(length));
    const Bytes bytes = as_bytes({cut.data(), cut.size()});
    EXPECT_THROW(
        {
          for (const ZipMember& member : parse_zip(bytes, "z"))
            extract_zip_member(bytes, member, folder.path() / "x", "z");
        },
        Error)
        << length;
  }
}

TEST(ZipFile, EveryFlippedByteIsRefusedOrHarmless) {
  TemporaryFolder folder;
  const std::string zip = archive();
  for (std::size_t at = 0; at < zip.size(); ++at) {
    std::string flipped = zip;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x55);
    try {
      for (const ZipMember& member : parse_zip(as_bytes(flipped), "z")) {
        extract_zip_member(as_bytes(flipped), member, folder.path() / "x", "z");
        const std::string content = read_file(folder.path() / "x");
        EXPECT_TRUE(content == "hello" || content.starts_with("bantam bantam ")) << at;
      }
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace bantam
