#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

TEST(ModelConvert, ThereAndBackIsTheSameText) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const std::string folder = (bantam.home().path() / "folder").string();
  const std::string file = (bantam.home().path() / "again.gguf").string();
  const auto there = bantam({"model", "convert", model, "--type", "f32", "-o", folder});
  EXPECT_EQ(there.exit_code, 0) << there.error;
  EXPECT_THAT(there.output, HasSubstr("24 of 24 tokens of text that follow are the same"));
  const auto back = bantam({"model", "convert", folder, "--type", "f32", "-o", file});
  EXPECT_EQ(back.exit_code, 0) << back.error;
  EXPECT_THAT(back.output, HasSubstr("differ by at most 0.0000 nats, 24 of 24 tokens"));
}

TEST(ModelConvert, WeightsGoIntoSeveralFilesWhenAsked) {
  const BantamProgram bantam;
  const Path home = bantam.home().path();
  const std::string model = write_tiny_model(home), file = (home / "parts.gguf").string();
  const auto convert = [&](const std::string& out, std::vector<std::string> more) {
    std::vector<std::string> words = {"model", "convert", model, "--type", "f32", "-o", out};
    words.insert(words.end(), more.begin(), more.end());
    return bantam(words);
  };
  const auto parts = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(home)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("parts")) names.push_back(name);
    }
    return names;
  };
  const auto two = convert(file, {"--max-shard-size", "20kB"});
  EXPECT_EQ(two.exit_code, 0) << two.error;
  EXPECT_THAT(two.output, HasSubstr("parts-00001-of-00002.gguf: 190 of 190 next"));
  EXPECT_THAT(parts(), testing::UnorderedElementsAre("parts-00001-of-00002.gguf",
                                                     "parts-00002-of-00002.gguf"));
  const auto refused = convert(file, {"--max-shard-size", "12kB"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.error, HasSubstr("parts-00001-of-00002.gguf: exists already"));
  const auto replaced = convert(file, {"--max-shard-size", "12kB", "--force"});
  EXPECT_EQ(replaced.exit_code, 0) << replaced.error;
  EXPECT_THAT(parts(), testing::Not(testing::Contains("parts-00001-of-00002.gguf")));
  EXPECT_THAT(parts(), testing::Contains("parts-00001-of-00003.gguf"));

  const auto itself = bantam({"model", "convert", (home / "parts-00002-of-00003.gguf").string(),
                              "-o", file, "--max-shard-size", "9kB", "--force"});
  EXPECT_EQ(itself.exit_code, 2);
  EXPECT_THAT(itself.error, HasSubstr("parts-00002-of-00003.gguf: is the output and an input"));
  EXPECT_THAT(parts(), testing::Contains("parts-00003-of-00003.gguf"));

  const std::string folder = (home / "folder").string();
  EXPECT_EQ(convert(folder, {"--max-shard-size", "20kB"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(home / "folder/model.safetensors.index.json"));
  EXPECT_THAT(convert(file, {"--max-shard-size", "0"}).error,
              HasSubstr("--max-shard-size is 0; expected a size such as 2GB"));
}

TEST(ModelConvert, WhatIsInterruptedIsGone) {
  const BantamProgram bantam;
  const std::string home = bantam.home().path().string(), model = home + "/model.gguf";
  const auto made =
      bantam({"model", "random", "--like", "tiny-15m", "--quant", "f32", "-o", model});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  const ProcessResult stopped = bantam.shell(
      fmt::format("$BANTAM model convert {0} --threads 1 --quiet --type q2_k -o {1}/out.gguf & "
                  "until ls {1}/.out*.partial* >/dev/null 2>&1; do sleep 0.01; done; "
                  "kill -INT $!; wait $!",
                  model, home));
  EXPECT_EQ(stopped.exit_code, 130) << stopped.error;
  EXPECT_THAT(stopped.error, HasSubstr("out.gguf was not finished"));
  for (const auto& entry : std::filesystem::directory_iterator(home)) {
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr("out.gguf")));
  }
}

}  // namespace
}  // namespace bantam
