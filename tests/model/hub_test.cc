// Pulls that succeed: what comes, where it lies, what is said.
#include "bantam/model/hub.h"

#include <thread>

#include "bantam/model/models_lock.h"
#include "tests/model/fake_hub.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class HubPull : public HubTest {
 protected:
  void serve_folder() {
    hub_.files = {{"config.json", "{}"},
                  {"model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10)},
                  {"tokenizer.json", "{\"a\":1}"},
                  {"modules.json", "[]"},
                  {"1_Pooling/config.json", "{\"pooling\":1}"}};
  }
};

TEST_F(HubPull, FetchesIntoTheCacheThatHuggingFaceSharesAndLocks) {
  const PulledModel model = pull();
  EXPECT_EQ(model.path, snapshot() / "m.gguf");
  EXPECT_EQ(read_file(model.path), content_);
  EXPECT_EQ(fs::read_symlink(model.path), Path("../../blobs") / hash());
  EXPECT_EQ(read_file(repository() / "refs/main"), FakeHub::kCommit);  // no newline: others compare
  EXPECT_THAT(blobs(), ElementsAre(hash()));
  EXPECT_EQ(lock_entry(model.path)->sha256, hash());
  EXPECT_THAT(read_file(home_.path() / "models/models.lock"),
              HasSubstr(fmt::format("owner/name@{}:m.gguf", FakeHub::kCommit)));
  EXPECT_EQ(resolve_model_reference("owner/name").path, model.path);
  const std::size_t asked = hub_.server().requests().size();
  EXPECT_FALSE(pull().files.at(0).fetched);
  EXPECT_EQ(hub_.server().requests().size(), asked + 1);  // for the listing alone
}

TEST_F(HubPull, AFolderComesWithItsModules) {
  serve_folder();
  const PulledModel model = pull();
  EXPECT_EQ(model.path, snapshot());
  EXPECT_EQ(read_file(snapshot() / "1_Pooling/config.json"), "{\"pooling\":1}");
  EXPECT_EQ(fs::read_symlink(snapshot() / "1_Pooling/config.json"),
            Path("../../../blobs") / FakeHub::blob_name("config.json", "{\"pooling\":1}"));
  EXPECT_EQ(resolve_model_reference("owner/name").path, snapshot());
  EXPECT_EQ(name_of_model(model.path), "name");
  EXPECT_THAT(progress_.totals, SizeIs(1));  // one line for all
}

TEST_F(HubPull, WhatIsPartlyHereIsCompleted) {
  serve_folder();
  pull("owner/name:config.json");
  pull();
  EXPECT_THAT(hub_.requests_for("config.json"), SizeIs(1));
  EXPECT_THAT(hub_.requests_for("model.safetensors"), SizeIs(1));
}

TEST_F(HubPull, ASmallFileIsCheckedByGitsHash) {
  serve_folder();
  hub_.fault = [&](const std::string& request) -> std::optional<std::string> {
    if (request.find("tokenizer.json") == std::string::npos) return std::nullopt;
    return http_answer("{\"a\":2}");
  };
  EXPECT_THAT(failure(Error::Kind::input), AllOf(HasSubstr("git's SHA-1"), HasSubstr("tokenizer")));
  EXPECT_FALSE(fs::exists(repository() / "refs/main"));  // an unfinished pull is not the model
  error_of([] { resolve_model_reference("owner/name"); }, Error::Kind::refused);
}

TEST_F(HubPull, ARevisionKeepsItsNameAndMayHoldSlashes) {
  hub_.revision = "refs%2Fpr%2F1";
  EXPECT_EQ(pull("owner/name@refs/pr/1").path, snapshot() / "m.gguf");
  EXPECT_EQ(read_file(repository() / "refs/refs/pr/1"), FakeHub::kCommit);
  EXPECT_EQ(resolve_model_reference("owner/name@refs/pr/1").path, snapshot() / "m.gguf");
  EXPECT_EQ(resolve_model_reference(fmt::format("owner/name@{}", FakeHub::kCommit)).path,
            snapshot() / "m.gguf");
  EXPECT_EQ(resolve_model_reference("owner/name@0123456").path, snapshot() / "m.gguf");
}

TEST_F(HubPull, AQuantizationInASubfolderIsFoundAgain) {
  hub_.files = {{"Q4_K_M/a-Q4_K_M.gguf", "GGUF4"}, {"Q8_0/a-Q8_0.gguf", "GGUF8"}};
  const Path path = snapshot() / "Q8_0/a-Q8_0.gguf";
  EXPECT_EQ(pull("owner/name:q8_0").path, path);
  EXPECT_EQ(resolve_model_reference("owner/name:Q8_0").path, path);
  EXPECT_EQ(resolve_model_reference("owner/name:Q8_0/a-Q8_0.gguf").path, path);
  EXPECT_EQ(resolve_model_reference("owner/name").path, path);  // the only one here
  pull();
  EXPECT_EQ(resolve_model_reference("owner/name").path, snapshot() / "Q4_K_M/a-Q4_K_M.gguf");
}

TEST_F(HubPull, ABranchThatMovedOnIsToldAndTheOlderVersionStays) {
  pull();
  hub_.commit = FakeHub::kOther;
  hub_.files["m.gguf"] = "GGUF, new";
  EXPECT_EQ(read_file(pull().path), "GGUF, new");
  EXPECT_THAT(progress_.notes, AllOf(HasSubstr("'main' has moved on from commit 0123456789ab"),
                                     HasSubstr("owner/name@0123456789ab")));
  EXPECT_EQ(read_file(resolve_model_reference("owner/name").path), "GGUF, new");
  EXPECT_EQ(read_file(resolve_model_reference("owner/name@0123456789ab").path), content_);
}

TEST_F(HubPull, OtherContentUnderTheSameCommitIsRefused) {
  pull();
  const std::string before = hash(), changed = "GGUF, other";
  hub_.files["m.gguf"] = changed;
  EXPECT_THAT(failure(Error::Kind::input),
              AllOf(HasSubstr(before), HasSubstr(sha256(as_bytes(changed))),
                    HasSubstr("models.lock"), HasSubstr("owner/name@0123")));
  EXPECT_EQ(read_file(resolve_model_reference("owner/name").path), content_);
  EXPECT_THAT(blobs(), ElementsAre(before));
}

TEST_F(HubPull, OfflineTakesWhatIsHere) {
  EXPECT_THAT(error_of([] { pull_model("owner/name", {.offline = true}); }, Error::Kind::refused),
              HasSubstr("--offline"));
  home_.set("HF_HUB_OFFLINE", "yes");
  EXPECT_THAT(failure(Error::Kind::refused), HasSubstr("HF_HUB_OFFLINE"));
  EXPECT_THAT(hub_.server().requests(), IsEmpty());
  home_.set("HF_HUB_OFFLINE", "0");
  const Path path = pull().path;
  home_.set("HF_HUB_OFFLINE", "TRUE");
  const PulledModel model = pull();
  EXPECT_EQ(model.path, path);
  EXPECT_FALSE(model.files.at(0).fetched);
}

TEST_F(HubPull, ADamagedFileIsFetchedAgain) {
  pull();
  std::ofstream(repository() / "blobs" / hash()) << "GGUF damaged";
  EXPECT_TRUE(pull().files.at(0).fetched);
  EXPECT_THAT(progress_.notes, HasSubstr("was damaged"));
  EXPECT_EQ(read_file(snapshot() / "m.gguf"), content_);
  std::ofstream(repository() / "blobs" / hash()) << "GGUF damaged";
  home_.set("HF_HUB_OFFLINE", "1");
  EXPECT_THAT(failure(Error::Kind::input), HasSubstr("is damaged"));
}

TEST_F(HubPull, WithoutLinksTheFileLiesInTheSnapshot) {
  home_.set("HF_HUB_DISABLE_SYMLINKS", "1");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(pull().path)));
  EXPECT_THAT(blobs(), IsEmpty());
  EXPECT_FALSE(pull().files.at(0).fetched);
}

TEST_F(HubPull, TheTokenGoesToTheEndpointAndIntoNoMessage) {
  home_.set("HF_TOKEN", "hf_secret\n");
  LocalServer storage([&](const std::string&) { return http_answer(content_); });
  hub_.fault = [&](const std::string& request) -> std::optional<std::string> {
    if (!request.starts_with("GET /owner/")) return std::nullopt;
    return http_answer("", "Location: " + storage.url() + "/m?X-Signature=secret\r\n", "302 Found");
  };
  pull();
  for (const std::string& request : hub_.server().requests())
    EXPECT_THAT(request, HasSubstr("Authorization: Bearer hf_secret\r\n"));
  ASSERT_THAT(storage.requests(), SizeIs(1));
  EXPECT_THAT(storage.requests()[0], Not(HasSubstr("hf_secret")));  // another port, another host
  hub_.fault = [](const std::string&) { return http_answer("", "", "401 Unauthorized"); };
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("the token in HF_TOKEN"), Not(HasSubstr("hf_secret"))));
}

TEST_F(HubPull, TwoPullsAtOnceFetchOnce) {
  hub_.stall_seconds = 0.3;
  std::thread second([this] {
    KeptNotes notes;
    pull_model("owner/name", {.progress = &notes});
  });
  pull();
  second.join();
  EXPECT_THAT(hub_.requests_for("m.gguf"), SizeIs(1));
  EXPECT_EQ(read_file(snapshot() / "m.gguf"), content_);
}

TEST_F(HubPull, AnUnknownModelIsNamed) {
  EXPECT_THAT(error_of([] { pull_model("smollm2-135m-instrct"); }, Error::Kind::usage),
              HasSubstr("nearest: smollm2-135m-instruct"));
}

TEST_F(HubPull, TheKnownModelNeedsItsExactBytes) {
  home_.write(fmt::format("models/{}", known_models()[0].file), "GGUF but short");
  EXPECT_THAT(error_of([] { pull_model("smollm2-135m-instruct", {.offline = true}); },
                       Error::Kind::refused),
              HasSubstr("not on this machine"));
}

}  // namespace
}  // namespace bantam
