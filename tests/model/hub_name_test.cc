#include "bantam/model/hub_name.h"

#include <gmock/gmock.h>

#include "bantam/base/error.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(std::string_view text) {
  return error_of([&] { parse_hub_name(text); }, Error::Kind::refused);
}

TEST(HubName, IsTakenApart) {
  const auto name = parse_hub_name("Owner-1/na.me_2@v1.0:m-Q4.gguf");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->owner, "Owner-1");
  EXPECT_EQ(name->name, "na.me_2");
  EXPECT_EQ(name->revision, "v1.0");
  EXPECT_EQ(name->file, "m-Q4.gguf");
  EXPECT_EQ(parse_hub_name("a/b")->revision, "main");
  EXPECT_FALSE(parse_hub_name("plain").has_value());
}

TEST(HubName, FilesAndRevisionsMayHaveFolders) {
  const auto name = parse_hub_name("a/b@refs/pr/1:Q4_K_M/m-00001-of-00002.gguf");
  EXPECT_EQ(name->revision, "refs/pr/1");
  EXPECT_EQ(name->file, "Q4_K_M/m-00001-of-00002.gguf");
  EXPECT_EQ(name->text(), "a/b@refs/pr/1:Q4_K_M/m-00001-of-00002.gguf");
}

TEST(HubName, AQuantizationIsNoFile) {
  for (const std::string type : {"Q4_K_M", "q8_0", "BF16", "UD-Q4_K_XL"}) {
    const auto name = parse_hub_name("a/b:" + type);
    EXPECT_EQ(name->quantization, type);
    EXPECT_EQ(name->file, "");
    EXPECT_EQ(name->text(), "a/b:" + type);
  }
}

TEST(HubName, NothingLeavesItsFolder) {  // U2
  for (const std::string_view text : {"../../.profile",
                                      "a/..",
                                      "a/b@../c",
                                      "a/b:../x.gguf",
                                      "a/b:/etc/x.json",
                                      "/a/b",
                                      ".a/b",
                                      "a/.b",
                                      "a/b:.x.json",
                                      "a/b c",
                                      "a/b:x.gguf\n",
                                      "a/",
                                      "-a/b",
                                      "a/b:x/../y.gguf",
                                      "a/b:x//y.gguf",
                                      "a/b:x/.git/y.json",
                                      "a/b:C:/x.gguf",
                                      "a/b:x\\y.gguf",
                                      "a/b@refs/../x",
                                      "a/b:nul.json",
                                      "a/b:x/CON.gguf",
                                      "aux/b",
                                      "a/com1",
                                      "a--b/c",
                                      "a/b--c",
                                      "a/b.",
                                      "a/b:\u202egguf.json",
                                      "a/b:1/2/3/4/x.json",
                                      "a/b@",
                                      "a/b:"}) {
    EXPECT_THAT(refusal(text), HasSubstr("not allowed")) << text;
  }
  EXPECT_THAT(refusal("a/b:" + std::string(200, 'x') + ".gguf"), HasSubstr("at most 128"));
  EXPECT_THAT(refusal(std::string("a/b:x\0.gguf", 12)), HasSubstr("not allowed"));
}

TEST(HubName, OnlyWhatModelsNeedIsFetched) {
  EXPECT_THAT(refusal("a/b:run.sh"), AllOf(HasSubstr("run.sh"), HasSubstr(".safetensors")));
  for (const std::string_view file : {"a/b:pytorch_model.bin", "a/b:x/model.pt", "a/b:m.ckpt"})
    EXPECT_THAT(refusal(file), AllOf(HasSubstr("run any code"), HasSubstr(".safetensors"))) << file;
}

}  // namespace
}  // namespace bantam
