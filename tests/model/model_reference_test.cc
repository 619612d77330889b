#include "bantam/model/model_reference.h"

#include "tests/model/model_home.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::string_view kAdapterConfig =
    R"({"r":2,"lora_alpha":4,"base_model_name_or_path":"tiny"})";

class ModelReferenceTest : public ::testing::Test {
 protected:
  Path resolve(std::string_view text) { return resolve_model_reference(text).path; }
  std::string refusal(std::string_view text, Error::Kind kind = Error::Kind::input) {
    return error_of([&] { resolve_model_reference(text); }, kind);
  }
  ModelHome home_;
};

TEST_F(ModelReferenceTest, AnExistingPathWins) {
  const Path file = home_.write("a/b+c:1.gguf");
  EXPECT_EQ(resolve(file.string()), file);
  home_.write("hf/config.json", "{}");
  EXPECT_EQ(resolve((home_.path() / "hf").string()), home_.path() / "hf");
}

TEST_F(ModelReferenceTest, AFolderWithOneGgufFileIsThatFile) {
  const Path file = home_.write("tuned/model.gguf");
  EXPECT_EQ(resolve((home_.path() / "tuned").string()), file);
  home_.write("tuned/other.gguf");
  EXPECT_THAT(refusal((home_.path() / "tuned").string()), HasSubstr("2 GGUF files"));
  const Path first = home_.write("split/m-00001-of-00002.gguf");
  home_.write("split/m-00002-of-00002.gguf");
  EXPECT_EQ(resolve((home_.path() / "split").string()), first);
  home_.write("empty/readme.txt");
  EXPECT_THAT(refusal((home_.path() / "empty").string()), HasSubstr("config.json"));
}

TEST_F(ModelReferenceTest, NamesAreLookedUpInTheModelsFolder) {
  const Path file = home_.write("models/tiny-q4_1.gguf");
  EXPECT_EQ(resolve("tiny-q4_1"), file);
  EXPECT_EQ(resolve("tiny"), file);
  home_.write("models/tiny-q8_0.gguf");
  EXPECT_THAT(refusal("tiny"), AllOf(HasSubstr("tiny-q4_1"), HasSubstr("tiny-q8_0")));
  EXPECT_THAT(refusal("tiny-q4_2"), HasSubstr("nearest: tiny-q4_1"));
}

TEST_F(ModelReferenceTest, NothingStandsForTheDefaultModel) {
  const Path file = home_.write("models/smollm2-135m-instruct-q4_1.gguf");
  EXPECT_EQ(resolve(""), file);
}

TEST_F(ModelReferenceTest, AMissingModelNamesTheCommandThatFetchesIt) {
  EXPECT_THAT(refusal("", Error::Kind::refused),
              HasSubstr("bantam model pull smollm2-135m-instruct"));
  EXPECT_THAT(refusal("owner/name", Error::Kind::refused),
              HasSubstr("bantam model pull owner/name"));
  EXPECT_THAT(refusal("no/such/model.gguf"), HasSubstr("no such file"));
}

TEST_F(ModelReferenceTest, AdaptersFollowAfterPlusWithTheirScale) {
  const Path base = home_.write("models/tiny.gguf");
  home_.write("ad/bank/adapter_config.json", kAdapterConfig);
  home_.write("ad/x+y/adapter_config.json", kAdapterConfig);
  const std::string bank = (home_.path() / "ad/bank").string();
  const std::string odd = (home_.path() / "ad/x+y").string();
  const ModelReference reference =
      resolve_model_reference(fmt::format("tiny+{}:0.5+{}+{}:-2", bank, odd, odd));
  EXPECT_EQ(reference.path, base);
  ASSERT_EQ(reference.adapters.size(), 3u);
  EXPECT_EQ(reference.adapters[0].path, Path(bank));
  EXPECT_EQ(reference.adapters[0].scale, 0.5);
  EXPECT_EQ(reference.adapters[1].path, Path(odd));
  EXPECT_EQ(reference.adapters[1].scale, 1);
  EXPECT_EQ(reference.adapters[2].scale, -2);
  EXPECT_THAT(refusal("tiny+nothing"), HasSubstr("adapter 'nothing'"));
}

TEST_F(ModelReferenceTest, AnAdapterFolderBringsItsBase) {
  const Path base = home_.write("models/tiny.gguf");
  home_.write("ad/bank/adapter_config.json", kAdapterConfig);
  const auto reference = resolve_model_reference((home_.path() / "ad/bank").string());
  EXPECT_EQ(reference.path, base);
  ASSERT_EQ(reference.adapters.size(), 1u);
  EXPECT_EQ(reference.adapters[0].path, home_.path() / "ad/bank");
}

TEST_F(ModelReferenceTest, ARunIsFoundByTheBeginningOfItsId) {
  const Path file = home_.write("runs/20250101-abc/model.gguf");
  EXPECT_EQ(resolve("run:20250101"), file);
  home_.write("runs/20250101-abd/model.gguf");
  EXPECT_THAT(refusal("run:20250101"), HasSubstr("several runs"));
  EXPECT_THAT(refusal("run:2024"), HasSubstr("no such run"));
  EXPECT_THAT(refusal("run:2025@100", Error::Kind::usage), HasSubstr("train resume"));
  refusal("run:../models", Error::Kind::refused);
}

TEST_F(ModelReferenceTest, HubModelsKeptByHandAreFound) {
  home_.write("models/owner/name/config.json", "{}");
  EXPECT_EQ(resolve("owner/name"), home_.path() / "models/owner/name");
  const Path file = home_.write("models/owner/name@v1/m.gguf");
  EXPECT_EQ(resolve("owner/name@v1:m.gguf"), file);
}

TEST_F(ModelReferenceTest, RemoteReferencesHaveNoWeights) {
  EXPECT_THAT(refusal("endpoint:http://x/v1#m", Error::Kind::usage), HasSubstr("weights"));
  EXPECT_THAT(refusal("oracle:copy", Error::Kind::usage), HasSubstr("weights"));
}

}  // namespace
}  // namespace bantam
