#include "bantam/model/hub_cache.h"

#include <atomic>
#include <memory>
#include <thread>

#include "bantam/model/hub_hash.h"
#include "bantam/model/hub_lock.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/safetensors.h"
#include "tests/model/model_home.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";
constexpr const char* kOther = "fedcba9876543210fedcba9876543210fedcba98";

class HubCacheTest : public ::testing::Test {
 protected:
  /// A file as huggingface_hub leaves it: a blob, and a link to it.
  Path add(const std::string& repository, const std::string& commit, const std::string& file,
           std::string_view content = "GGUF") {
    const Path blob = home_.write(
        fmt::format("cache/{}/blobs/{}", repository, sha256(as_bytes(content))), content);
    const Path path = home_.path() / "cache" / repository / "snapshots" / commit / file;
    fs::create_directories(path.parent_path());
    fs::create_symlink(blob.lexically_relative(path.parent_path()), path);
    return path;
  }
  void set_ref(const std::string& repository, const std::string& revision,
               const std::string& commit) {
    home_.write(fmt::format("cache/{}/refs/{}", repository, revision), commit);
  }
  Path resolve(std::string_view text) { return resolve_model_reference(text).path; }
  std::vector<std::string> listed() {
    std::vector<std::string> names;
    for (const LocalModel& model : local_models()) names.push_back(model.name);
    return names;
  }
  // Eight bytes of length, then an empty header.
  const std::string weights_ = std::string("\x02\0\0\0\0\0\0\0", 8) + "{}";
  ModelHome home_;
};

TEST_F(HubCacheTest, WhatOthersFetchedIsFoundByBranchTagAndCommit) {
  const Path config = add("models--a--b", kCommit, "config.json", "{}");
  add("models--a--b", kCommit, "model.safetensors", weights_);
  set_ref("models--a--b", "main", kCommit);
  set_ref("models--a--b", "refs/pr/7", kCommit);
  for (const std::string name :
       {"a/b", "a/b@refs/pr/7", "a/b@0123456789abcdef0123456789abcdef01234567", "a/b@0123456"}) {
    EXPECT_EQ(resolve(name), config.parent_path()) << name;
  }
  error_of([&] { resolve("a/b@v1"); }, Error::Kind::refused);
  error_of([&] { resolve("a/b@012345"); }, Error::Kind::refused);  // too few digits to mean it
  EXPECT_EQ(resolve("a/b:model.safetensors"), config.parent_path() / "model.safetensors");
}

TEST_F(HubCacheTest, AModelWithoutOwnerIsFound) {
  const Path config = add("models--gpt2", kCommit, "config.json", "{}");
  add("models--gpt2", kCommit, "model.safetensors", weights_);
  set_ref("models--gpt2", "main", kCommit);
  EXPECT_EQ(resolve("gpt2"), config.parent_path());
  EXPECT_THAT(listed(), ElementsAre("gpt2"));
}

TEST_F(HubCacheTest, GgufFilesAreChosenAsPullChooses) {
  const Path q8 = add("models--a--b", kCommit, "m-Q8_0.gguf", "GGUF8");
  set_ref("models--a--b", "main", kCommit);
  add("models--a--b", kCommit, "config.json", "{}");  // of a folder whose weights are not here
  EXPECT_EQ(resolve("a/b"), q8);
  const Path q4 = add("models--a--b", kCommit, "q4/m-Q4_K_M.gguf", "GGUF4");
  EXPECT_EQ(resolve("a/b"), q4);
  EXPECT_EQ(resolve("a/b:Q8_0"), q8);
}

TEST_F(HubCacheTest, ATokenizerAloneIsEnoughToBeFound) {
  const Path config = add("models--a--b", kCommit, "config.json", "{}");
  set_ref("models--a--b", "main", kCommit);
  EXPECT_EQ(resolve("a/b"), config.parent_path());
  EXPECT_THAT(listed(), IsEmpty());  // no model to run
  EXPECT_THAT(error_of([&] { SafetensorsFolder::open(config.parent_path()); }),
              HasSubstr(fmt::format("bantam model pull a/b@{}", kCommit)));
}

TEST_F(HubCacheTest, TheListShowsBothPlacesAndEachRevision) {
  home_.write("models/tiny.gguf");
  add("models--a--b", kCommit, "config.json", "{}");
  add("models--a--b", kCommit, "model.safetensors", weights_);
  add("models--a--b", kOther, "m.gguf");
  add("datasets--a--b", kCommit, "config.json", "{}");
  set_ref("models--a--b", "main", kCommit);
  EXPECT_THAT(listed(), ElementsAre("a/b", "a/b@fedcba987654:m.gguf", "tiny"));
  for (const LocalModel& model : local_models()) EXPECT_EQ(resolve(model.name), model.path);
}

TEST_F(HubCacheTest, ARefThatIsNoCommitLeadsNowhere) {
  home_.write("secret/config.json", "{}");
  for (const char* ref : {"../../../secret", "/etc", "", "a b"}) {
    set_ref("models--a--b", "main", ref);
    fs::create_directories(home_.path() / "cache/models--a--b/snapshots");
    error_of([&] { resolve("a/b"); }, Error::Kind::refused);
  }
}

TEST_F(HubCacheTest, BlobsThatModelsShareBelongToThem) {
  const std::string xet(64, 'c');
  home_.write("cache/blobs/cc/" + xet, weights_);
  const Path blobs = home_.path() / "cache/models--a--b/blobs";
  const Path snapshot = home_.path() / "cache/models--a--b/snapshots" / kCommit;
  fs::create_directories(blobs);
  fs::create_directories(snapshot);
  fs::create_symlink("../../blobs/cc/" + xet, blobs / "etag");
  fs::create_symlink("../../blobs/etag", snapshot / "model.safetensors");
  EXPECT_NO_THROW(SafetensorsFolder::open(snapshot));
  home_.write("elsewhere", weights_);
  fs::remove(blobs / "etag");
  fs::create_symlink(home_.path() / "elsewhere", blobs / "etag");
  error_of([&] { SafetensorsFolder::open(snapshot); }, Error::Kind::refused);
}

TEST_F(HubCacheTest, APathTellsItsModel) {
  const Path folder = Path("/x/models--a--b/snapshots") / kCommit;
  EXPECT_EQ(name_in_cache(folder)->text(), fmt::format("a/b@{}", kCommit));
  EXPECT_EQ(name_in_cache(folder / "q4/m.gguf")->text(), fmt::format("a/b@{}:q4/m.gguf", kCommit));
  EXPECT_FALSE(name_in_cache("/x/models/a/b/m.gguf"));
  EXPECT_FALSE(name_in_cache("/x/snapshots/a/b"));
  EXPECT_FALSE(name_in_cache("m.gguf"));
  EXPECT_EQ(name_of_model(folder), "b");
}

TEST_F(HubCacheTest, GitsHashIsGits) {
  // printf 'hello\n' | git hash-object --stdin
  EXPECT_EQ(git_blob_sha1(as_bytes("hello\n")), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(git_blob_sha1({}), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

TEST_F(HubCacheTest, ALockKeepsOthersWaitingAndMayBeRemovedMeanwhile) {
  const Path file = home_.path() / "x.lock";
  std::atomic<int> waits = 0;
  auto held = std::make_unique<HubLock>(file, [] { FAIL() << "nobody holds it yet"; });
  std::thread holder([&] {
    while (waits == 0) std::this_thread::yield();
    fs::remove(file);  // as some holders do before they let go
    held.reset();
  });
  const HubLock second(file, [&] { ++waits; });
  holder.join();
  EXPECT_GE(waits, 1);
  EXPECT_TRUE(fs::exists(file));
}

}  // namespace
}  // namespace bantam
