#include <fstream>

#include "bantam/base/files.h"
#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

std::string hash(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

// FIPS 180-4 examples and the million-a vector of NIST.
TEST(Sha256, GivesThePublishedValues) {
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, EveryLengthAroundABlockIsPaddedRight) {
  // 55 bytes fit one block with the length; 56 need a second. Values from coreutils' sha256sum.
  EXPECT_EQ(hash(std::string(55, 'a')),
            "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(hash(std::string(56, 'a')),
            "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(hash(std::string(64, 'a')),
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  TemporaryFolder folder;
  std::ofstream(folder / "a") << "abc";
  EXPECT_EQ(sha256_of_file(folder / "a"), hash("abc"));
}

}  // namespace
}  // namespace bantam
