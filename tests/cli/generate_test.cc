#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::vector<Json> rows_of(const std::string& text) {
  std::vector<Json> rows;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    rows.push_back(parse_json(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return rows;
}

TEST(Generate, StreamsOneAnswerToOnePrompt) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const auto text = bantam({"generate", "the", "-m", model, "--max-tokens", "6"});
  EXPECT_EQ(text.exit_code, 0) << text.error;
  EXPECT_THAT(text.error, HasSubstr("tokens/s"));
  const auto json = bantam({"generate", "the", "-m", model, "--max-tokens", "6", "--json"});
  EXPECT_EQ(rows_of(json.output)[0]["completions"][0]["text"].get<std::string>() + "\n",
            text.output);
}

TEST(Generate, CompletesRowsInOrderWithTheirIds) {
  const BantamProgram bantam;
  const Path home = bantam.home().path();
  const std::string model = write_tiny_model(home);
  write_file_atomically(home / "rows.jsonl",
                        "{\"id\":\"a\",\"prompt\":\"one\",\"completion\":\"x\"}\n"
                        "{\"id\":\"b\",\"prompt\":\"a longer prompt\",\"completion\":\"x\"}\n"
                        "{\"id\":\"c\",\"prompt\":\"2\",\"completion\":\"x\"}\n");
  const std::string out = (home / "out.jsonl").string();
  const auto result =
      bantam({"generate", "--data", (home / "rows.jsonl").string(), "-m", model, "--n", "2",
              "--temperature", "1", "--max-tokens", "5", "--batch", "2", "-o", out});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const auto rows = rows_of(read_file(out));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0]["id"], "a");
  EXPECT_EQ(rows[1]["prompt"], "a longer prompt");
  EXPECT_EQ(rows[2]["completions"].size(), 2U);
  EXPECT_EQ(bantam({"generate", "x", "-m", model, "-o", out}).exit_code, 2);
}

TEST(Generate, TheSeedDecidesTheSample) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const auto sample = [&](const char* seed) {
    return bantam({"generate", "the", "-m", model, "--temperature", "1", "--max-tokens", "20",
                   "--seed", seed})
        .output;
  };
  EXPECT_EQ(sample("1"), sample("1"));
  EXPECT_NE(sample("1"), sample("2"));
}

TEST(Generate, BeamsGiveTheirScores) {
  const BantamProgram bantam;
  const std::string model = write_tiny_model(bantam.home().path());
  const auto result = bantam(
      {"generate", "the", "-m", model, "--decode", "beam:3", "--n", "3", "--max-tokens", "5"});
  const auto rows = rows_of(result.output);
  ASSERT_EQ(rows[0]["completions"].size(), 3U);
  EXPECT_GE(rows[0]["completions"][0]["score"], rows[0]["completions"][1]["score"]);
}

TEST(Generate, NeedsAPromptOrDataButNotBoth) {
  const BantamProgram bantam;
  EXPECT_EQ(bantam({"generate"}).exit_code, 2);
  EXPECT_EQ(bantam({"generate", "x", "--data", "y.jsonl"}).exit_code, 2);
  EXPECT_EQ(bantam({"generate", "x", "--top-p", "1.5"}).exit_code, 2);
}

}  // namespace
}  // namespace bantam
