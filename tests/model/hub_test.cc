#include "bantam/model/hub.h"

#include "bantam/model/models_lock.h"
#include "tests/model/local_server.h"
#include "tests/model/model_home.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const std::vector<HubFile>& files) {
  std::vector<std::string> names;
  for (const HubFile& file : files) names.push_back(file.name);
  return names;
}

std::vector<HubFile> listed(const std::vector<std::string>& files) {
  std::vector<HubFile> listing;
  for (const std::string& name : files) listing.push_back({name, 1, ""});
  return listing;
}

TEST(HubListing, KeepsPlainFilesWithSizesAndHashes) {
  const std::string hash(64, 'A');
  const auto files = parse_hub_listing(
      fmt::format(R"({{"siblings":[{{"rfilename":"m.gguf","size":7,"lfs":{{"sha256":"{}"}}}},)"
                  R"({{"rfilename":"../x.json"}},{{"rfilename":"a/b.json"}},)"
                  R"({{"rfilename":"run.py"}},{{"rfilename":".profile"}},)"
                  R"({{"rfilename":"config.json","size":3}},7,{{}}]}})",
                  hash),
      "hub");
  EXPECT_THAT(names(files), ElementsAre("m.gguf", "config.json"));
  EXPECT_EQ(files[0].sha256, std::string(64, 'a'));
  EXPECT_EQ(files[0].bytes, 7u);
}

TEST(HubListing, AnythingElseIsANetworkError) {
  for (const char* text : {"<html>", "[]", "{}", R"({"siblings":3})", ""})
    error_of([&] { parse_hub_listing(text, "hub"); }, Error::Kind::network);
}

TEST(HubListing, AFolderIsPreferredToGgufFiles) {
  const HubName hub{"a", "b", "main", ""};
  EXPECT_THAT(names(files_to_pull(listed({"README.txt", "config.json", "model.safetensors",
                                          "tokenizer.json", "m.gguf"}),
                                  hub)),
              ElementsAre("config.json", "model.safetensors", "tokenizer.json"));
}

TEST(HubListing, OneOfSeveralGgufFilesIsTaken) {
  HubName hub{"a", "b", "main", ""};
  const auto listing = listed({"m.F16.gguf", "m.Q8_0.gguf", "m.Q4_1.gguf", "m.Q2_K.gguf"});
  EXPECT_THAT(names(files_to_pull(listing, hub)), ElementsAre("m.Q4_1.gguf"));
  hub.file = "m.Q8_0.gguf";
  EXPECT_THAT(names(files_to_pull(listing, hub)), ElementsAre("m.Q8_0.gguf"));
  hub.file = "m.Q9.gguf";
  EXPECT_THAT(error_of([&] { files_to_pull(listing, hub); }),
              AllOf(HasSubstr("m.Q9.gguf"), HasSubstr("m.Q4_1.gguf")));
}

class HubPull : public ::testing::Test {
 protected:
  std::string answer(const std::string& request) {
    if (request.starts_with("GET /api/models/a/b/revision/main?blobs=true ")) {
      return http_answer(fmt::format(
          R"({{"siblings":[{{"rfilename":"m.gguf","size":{},"lfs":{{"sha256":"{}"}}}}]}})",
          content_.size(), hash_));
    }
    if (request.starts_with("GET /a/b/resolve/main/m.gguf ")) return http_answer(served_);
    return http_answer("", "", "404 Not Found");
  }
  void SetUp() override { home_.set("HF_ENDPOINT", server_.url() + "/"); }

  std::string content_ = "GGUF" + std::string(1000, 'w');
  std::string served_ = content_;
  std::string hash_ = sha256(as_bytes(content_));
  ModelHome home_;
  LocalServer server_{[this](const std::string& request) { return answer(request); }};
};

TEST_F(HubPull, FetchesVerifiesAndLocks) {
  home_.set("HF_TOKEN", "hf_x");
  const PulledModel model = pull_model("a/b");
  EXPECT_EQ(model.path, home_.path() / "models/a/b/m.gguf");
  EXPECT_EQ(read_file(model.path), content_);
  EXPECT_EQ(lock_entry(model.path)->sha256, hash_);
  EXPECT_THAT(server_.requests().at(0), HasSubstr("Authorization: Bearer hf_x"));
  EXPECT_EQ(resolve_model_reference("a/b").path, model.path);
  EXPECT_FALSE(pull_model("a/b").files.at(0).fetched);
}

TEST_F(HubPull, AWrongHashIsRemovedAndBothAreNamed) {
  served_[500] = 'v';
  EXPECT_THAT(error_of([] { pull_model("a/b"); }),
              AllOf(HasSubstr(hash_), HasSubstr(sha256(as_bytes(served_)))));
  EXPECT_TRUE(std::filesystem::is_empty(home_.path() / "models/a/b"));
}

TEST_F(HubPull, AWebPageUnderTheNameOfAModelIsRemoved) {
  served_ = "<!DOCTYPE html>" + std::string(content_.size() - 15, ' ');
  EXPECT_THAT(error_of([] { pull_model("a/b"); }), HasSubstr("an HTML page"));
  EXPECT_TRUE(std::filesystem::is_empty(home_.path() / "models/a/b"));
}

TEST_F(HubPull, AShortFileDoesNotGetItsName) {
  served_.resize(500);
  EXPECT_THAT(error_of([] { pull_model("a/b"); }, Error::Kind::network),
              HasSubstr("500 of 1004 bytes"));
  EXPECT_FALSE(std::filesystem::exists(home_.path() / "models/a/b/m.gguf"));
  served_ = content_;
  EXPECT_EQ(read_file(pull_model("a/b").path), content_);
}

TEST_F(HubPull, ContentThatChangedSinceTheFirstFetchIsRefused) {
  const PulledModel model = pull_model("a/b");
  std::filesystem::remove(model.path);
  served_[500] = 'v';
  content_ = served_;
  const std::string before = hash_;
  hash_ = sha256(as_bytes(served_));
  EXPECT_THAT(error_of([] { pull_model("a/b"); }),
              AllOf(HasSubstr(before), HasSubstr(hash_), HasSubstr("models.lock")));
  EXPECT_TRUE(std::filesystem::is_empty(model.path.parent_path()));
}

TEST_F(HubPull, FetchingCanBeForbidden) {
  EXPECT_THAT(error_of([] { pull_model("a/b", {.offline = true}); }, Error::Kind::refused),
              HasSubstr("--offline"));
  home_.set("HF_HUB_OFFLINE", "1");
  EXPECT_THAT(error_of([] { pull_model("a/b"); }, Error::Kind::refused),
              HasSubstr("HF_HUB_OFFLINE"));
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(HubPull, AnUnknownModelIsNamed) {
  EXPECT_THAT(error_of([] { pull_model("a/c"); }, Error::Kind::network), HasSubstr("404"));
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
