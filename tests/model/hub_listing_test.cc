#include "bantam/model/hub_listing.h"

#include <gmock/gmock.h>

#include "bantam/base/error.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

std::vector<std::string> names(const std::vector<HubFile>& files) {
  std::vector<std::string> names;
  for (const HubFile& file : files) names.push_back(file.name);
  return names;
}

std::vector<HubFile> listed(const std::vector<std::string>& files) {
  std::vector<HubFile> listing;
  for (const std::string& name : files) listing.push_back({name, 1});
  return listing;
}

HubName model(const std::string& part = "") { return *parse_hub_name("a/b" + part); }

std::vector<std::string> pulled(const std::vector<std::string>& files,
                                const std::string& part = "") {
  return names(files_to_pull(listed(files), model(part)));
}

std::string refusal(const std::vector<std::string>& files, const std::string& part = "") {
  return error_of([&] { pulled(files, part); });
}

TEST(HubListing, KeepsPlainFilesWithSizesAndHashes) {
  const std::string sha1(40, 'B');
  const auto listing = parse_hub_listing(
      fmt::format(R"({{"sha":"{}","siblings":[)"
                  R"({{"rfilename":"m.gguf","size":7,"blobId":"{}","lfs":{{"sha256":"{}"}}}},)"
                  R"({{"rfilename":"a/b.json","size":3,"blobId":"{}"}},)"
                  R"({{"rfilename":"run.py"}},{{"size":3}},7,{{}}]}})",
                  kCommit, sha1, std::string(64, 'A'), sha1),
      "hub");
  EXPECT_EQ(listing.commit, kCommit);
  EXPECT_THAT(names(listing.files), ElementsAre("m.gguf", "a/b.json"));
  EXPECT_EQ(listing.files[0].bytes, 7u);
  EXPECT_EQ(listing.files[0].sha256, std::string(64, 'a'));
  EXPECT_EQ(listing.files[0].git_sha1, "");  // that of the pointer says nothing of the content
  EXPECT_EQ(listing.files[1].git_sha1, std::string(40, 'b'));
}

TEST(HubListing, HostileNamesAndHashesAreLeftOut) {  // U2
  std::string siblings;
  for (const char* name : {"../x.json",      "a/../../x.json", "/etc/x.json", "C:\\\\x.json",
                           "C:/x.json",      "a\\\\b.json",    ".profile",    ".x.json",
                           "a/.git/x.json",  "a//b.json",      "a/",          "",
                           "nul.json",       "COM1.gguf",      "con",         "x.json.",
                           "a b.json",       "x\\u0000.json",  "x\\n.json",   "\\u202e.json",
                           "a/b/c/d/e.json", "~/x.json",       "-x.json",     "%2e%2e/x.json"}) {
    siblings += fmt::format(R"({{"rfilename":"{}"}},)", name);
  }
  siblings += fmt::format(R"({{"rfilename":"{}.json"}},)", std::string(200, 'x'));
  const auto listing = parse_hub_listing(
      fmt::format(R"({{"sha":"{}","siblings":[{}{{"rfilename":"ok.json","blobId":"../../x"}}]}})",
                  kCommit, siblings),
      "hub");
  EXPECT_THAT(names(listing.files), ElementsAre("ok.json"));
  EXPECT_EQ(listing.files[0].hash(), "");
}

TEST(HubListing, AnythingElseIsANetworkError) {
  for (const char* text : {"[]", "{}", R"({"siblings":3})", "", R"({"siblings":[]})",
                           R"({"sha":"../../x","siblings":[]})"}) {
    error_of([&] { parse_hub_listing(text, "hub"); }, Error::Kind::network);
  }
  EXPECT_THAT(
      error_of([] { parse_hub_listing("<html>sign in</html>", "hub"); }, Error::Kind::network),
      HasSubstr("a web page"));
}

TEST(HubListing, AFolderIsPreferredToGgufFiles) {
  EXPECT_THAT(pulled({"README.txt", "config.json", "model.safetensors", "tokenizer.json", "m.gguf",
                      "onnx/model.json", "optimizer.bin"}),
              UnorderedElementsAre("config.json", "model.safetensors", "tokenizer.json"));
}

TEST(HubListing, AFolderComesWithAllThatReadsText) {
  const std::vector<std::string> files = {"config.json",
                                          "generation_config.json",
                                          "model.safetensors",
                                          "vocab.json",
                                          "vocab.txt",
                                          "merges.txt",
                                          "tokenizer.model",
                                          "spiece.model",
                                          "sentencepiece.bpe.model",
                                          "source.spm",
                                          "target.spm",
                                          "special_tokens_map.json",
                                          "added_tokens.json",
                                          "tokenizer_config.json",
                                          "chat_template.jinja",
                                          "additional_chat_templates/tools.jinja"};
  auto with_others = files;
  with_others.emplace_back("preprocessor_config.json");
  with_others.emplace_back("templates/x.jinja");
  EXPECT_THAT(pulled(with_others), ::testing::UnorderedElementsAreArray(files));
}

TEST(HubListing, ModulesOfSentenceTransformersComeAlong) {
  EXPECT_THAT(
      pulled({"modules.json", "config.json", "model.safetensors", "sentence_bert_config.json",
              "config_sentence_transformers.json", "1_Pooling/config.json", "2_Dense/config.json",
              "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "2_Normalize/config.json",
              "onnx/config.json", "pytorch_model.bin", "vocab.txt"}),
      UnorderedElementsAre("modules.json", "config.json", "model.safetensors",
                           "sentence_bert_config.json", "config_sentence_transformers.json",
                           "1_Pooling/config.json", "2_Dense/config.json",
                           "2_Dense/model.safetensors", "2_Normalize/config.json", "vocab.txt"));
}

TEST(HubListing, WeightsThatLieThereTwiceComeOnce) {
  EXPECT_THAT(
      pulled({"config.json", "consolidated.safetensors", "model-00001-of-00002.safetensors",
              "model-00002-of-00002.safetensors", "model.safetensors.index.json"}),
      UnorderedElementsAre("config.json", "model-00001-of-00002.safetensors",
                           "model-00002-of-00002.safetensors", "model.safetensors.index.json"));
  EXPECT_THAT(pulled({"config.json", "model.safetensors", "model.fp16.safetensors"}),
              UnorderedElementsAre("config.json", "model.safetensors"));
  EXPECT_THAT(pulled({"adapter_config.json", "adapter_model.safetensors"}),
              UnorderedElementsAre("adapter_config.json", "adapter_model.safetensors"));
}

TEST(HubListing, OneOfSeveralGgufFilesIsTaken) {
  const std::vector<std::string> files = {"m.F16.gguf", "m.Q8_0.gguf", "m.Q4_1.gguf", "m.Q2_K.gguf",
                                          "mmproj-m-Q4_K_M.gguf"};
  EXPECT_THAT(pulled(files), ElementsAre("m.Q4_1.gguf"));
  EXPECT_THAT(pulled(files, ":m.Q8_0.gguf"), ElementsAre("m.Q8_0.gguf"));
  EXPECT_THAT(refusal(files, ":m.Q9.gguf"),
              AllOf(HasSubstr("m.Q9.gguf"), HasSubstr("m.Q4_1.gguf")));
  EXPECT_THAT(pulled({"m.imatrix.gguf", "odd.gguf"}), ElementsAre("odd.gguf"));
}

TEST(HubListing, AQuantizationChoosesAFile) {
  const std::vector<std::string> files = {"config.json",   "model.safetensors", "m-Q4_K_M.gguf",
                                          "m-IQ4_XS.gguf", "m-UD-Q4_K_XL.gguf", "m-BF16.gguf",
                                          "m-F16.gguf",    "Q2_K/m-Q2_K.gguf"};
  EXPECT_THAT(pulled(files, ":Q4_K_M"), ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(pulled(files, ":q4_k_m"), ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(pulled(files, ":iq4_xs"), ElementsAre("m-IQ4_XS.gguf"));
  EXPECT_THAT(pulled(files, ":Q4_K_XL"), ElementsAre("m-UD-Q4_K_XL.gguf"));
  EXPECT_THAT(pulled(files, ":F16"), ElementsAre("m-F16.gguf"));
  EXPECT_THAT(pulled(files, ":Q2_K"), ElementsAre("Q2_K/m-Q2_K.gguf"));
  EXPECT_THAT(refusal(files, ":Q4_K"), AllOf(HasSubstr("of type Q4_K"), HasSubstr("m-Q4_K_M.gguf"),
                                             Not(HasSubstr("config.json"))));
}

TEST(HubListing, AllPartsOfAGgufSetComeInTheirOrder) {
  const std::vector<std::string> files = {
      "Q8_0/m-00002-of-00003.gguf", "Q8_0/m-00001-of-00003.gguf", "Q8_0/m-00003-of-00003.gguf",
      "Q4_K_M/m-00001-of-00002.gguf", "Q4_K_M/m-00002-of-00002.gguf"};
  EXPECT_THAT(pulled(files),
              ElementsAre("Q4_K_M/m-00001-of-00002.gguf", "Q4_K_M/m-00002-of-00002.gguf"));
  EXPECT_THAT(pulled(files, ":Q8_0"),
              ElementsAre("Q8_0/m-00001-of-00003.gguf", "Q8_0/m-00002-of-00003.gguf",
                          "Q8_0/m-00003-of-00003.gguf"));
  EXPECT_THAT(pulled(files, ":Q8_0/m-00001-of-00003.gguf").size(), 3u);
  EXPECT_THAT(refusal({"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"}),
              HasSubstr("one of 3 parts, but there are only 2"));
}

TEST(HubListing, PicklesAreNotFetchedAndTheReasonIsSaid) {
  EXPECT_THAT(
      refusal({"config.json", "pytorch_model.bin"}),
      AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("run any code"), HasSubstr(".safetensors")));
  EXPECT_THAT(refusal({"config.json", "tokenizer.json"}), HasSubstr("expected config.json with"));
}

}  // namespace
}  // namespace bantam
