#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "bantam/model/safetensors.h"
#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::string encoder() {
  return (Path(BANTAM_SOURCE_DIR) / "tests/golden/generate/sentences/model").string();
}

TEST(ModelEmbed, ComparesTheTextsOfTheCommandLine) {
  const BantamProgram bantam;
  const auto result = bantam({"model", "embed", "-m", encoder(), "a cat", "a cat", "the tree"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("1.000  1.000"));
  EXPECT_THAT(result.output, HasSubstr("the tree"));
  EXPECT_THAT(result.error, HasSubstr("mean vectors of 12, of length 1"));
}

TEST(ModelEmbed, WritesALineARowWithItsId) {
  const BantamProgram bantam;
  const Path home = bantam.home().path();
  write_file_atomically(home / "rows.jsonl",
                        "{\"id\":\"a\",\"text\":\"a cat\"}\n"
                        "{\"id\":\"b\",\"text\":\"a cat sits on the mat near the red house, the "
                        "tree, the dog\"}\n");
  const std::string rows = (home / "rows.jsonl").string(), out = (home / "out.jsonl").string();
  const auto result = bantam({"model", "embed", "-m", encoder(), "--data", rows, "-o", out});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("1 of 2 texts are longer than 12 tokens"));
  const std::string text = read_file(out);
  const Json first = parse_json(std::string_view(text).substr(0, text.find('\n')));
  EXPECT_EQ(first["id"], "a");
  EXPECT_EQ(first["tokens"], 4);
  EXPECT_EQ(first["vector"].size(), 12u);
  EXPECT_EQ(bantam({"model", "embed", "-m", encoder(), "x", "-o", out}).exit_code, 2);
}

TEST(ModelEmbed, WritesTensorsWhenTheNameSaysSo) {
  const BantamProgram bantam;
  const std::string out = (bantam.home().path() / "vectors.safetensors").string();
  const auto result = bantam({"model", "embed", "-m", encoder(), "a cat", "the dog", "-o", out,
                              "--pooling", "first", "--normalize", "no"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("first vectors of 12, not normalized"));
  EXPECT_EQ(SafetensorsFile::open(out)->tensor("vectors").shape(), (Shape{2, 12}));
}

TEST(ModelEmbed, TakesAModelThatWritesText) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const auto result = bantam({"model", "embed", "-m", model, "the", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("last vectors of 16"));
  EXPECT_EQ(parse_json(result.output)["vector"].size(), 16u);
}

TEST(ModelEmbed, SaysWhatIsMissing) {
  const BantamProgram bantam;
  EXPECT_THAT(bantam({"model", "embed", "a"}).error, HasSubstr("-m names the model"));
  EXPECT_THAT(bantam({"model", "embed", "-m", encoder()}).error,
              HasSubstr("expected TEXT or --data, found neither"));
  const auto chat = bantam({"generate", "a", "-m", encoder()});
  EXPECT_EQ(chat.exit_code, 3);
  EXPECT_THAT(chat.error, HasSubstr("bantam model embed"));
}

}  // namespace
}  // namespace bantam
