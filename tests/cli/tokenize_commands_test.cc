#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class TokenizeCommands : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (bantam_.home() / name).string(); }
  std::string write(const std::string& name, const std::string& content) const {
    write_file_atomically(path(name), content);
    return path(name);
  }
  std::string rows() const {
    std::string text;
    for (int i = 0; i < 200; ++i) {
      text += fmt::format("{{\"text\":\"The ferry number {} leaves the harbor at noon.\"}}\n", i);
    }
    return write("rows.jsonl", text);
  }
  ProcessResult train(const std::string& kind, const std::vector<std::string>& more = {},
                      const std::string& size = "400") const {
    std::vector<std::string> words = {"tokenize", "train",    "--kind",  kind,
                                      "--vocab",  size,       "--data",  rows(),
                                      "-o",       path(kind), "--quiet", "--no-run"};
    words.insert(words.end(), more.begin(), more.end());
    return bantam_(words);
  }
  BantamProgram bantam_;
};

TEST_F(TokenizeCommands, TokenizersAreNamedAsModelsAre) {
  const std::string file = write_tiny_model(bantam_.home().path());
  const ProcessResult by_model = bantam_({"tokenize", "encode", "-m", file, "the harbor"});
  ASSERT_EQ(by_model.exit_code, 0) << by_model.error;
  const ProcessResult by_tokenizer =
      bantam_({"tokenize", "encode", "--tokenizer", file, "the harbor"});
  EXPECT_EQ(by_tokenizer.output, by_model.output) << by_tokenizer.error;
  const ProcessResult absent = bantam_({"tokenize", "encode", "--tokenizer", "absent", "the"});
  EXPECT_NE(absent.exit_code, 0);
  EXPECT_THAT(absent.error, HasSubstr("absent"));
}

TEST_F(TokenizeCommands, TrainWritesAFolderThatEncodesAndDecodes) {
  for (const std::string kind : {"bpe", "unigram", "wordpiece"}) {
    const ProcessResult trained = train(kind, {"--json"});
    ASSERT_EQ(trained.exit_code, 0) << trained.error;
    const Json result = parse_json(trained.output);
    EXPECT_EQ(result["texts"], 200);
    EXPECT_LE(result["vocabulary"], 400);
    EXPECT_GT(result["bytes_per_token"], 2.0);
    EXPECT_GT(result["held_out_bytes_per_token"], 2.0);
    EXPECT_TRUE(std::filesystem::exists(path(kind) + "/tokenizer_config.json"));
    const std::string file = path(kind) + "/tokenizer.json";
    const ProcessResult encoded =
        bantam_({"tokenize", "encode", "--tokenizer", file, "The ferry leaves"});
    ASSERT_EQ(encoded.exit_code, 0) << encoded.error;
    const ProcessResult decoded =
        bantam_({"tokenize", "decode", "--tokenizer", file, encoded.output});
    EXPECT_EQ(decoded.output, "The ferry leaves\n");
    const ProcessResult by_folder =
        bantam_({"tokenize", "encode", "--tokenizer", path(kind), "The ferry leaves"});
    EXPECT_EQ(by_folder.output, encoded.output) << by_folder.error;
  }
}

TEST_F(TokenizeCommands, TrainSaysWhatItLearnedAndWhatToTry) {
  const ProcessResult trained = train("bpe");
  EXPECT_EQ(trained.exit_code, 0) << trained.error;
  EXPECT_THAT(trained.output, HasSubstr("tokens (bpe) from"));
  EXPECT_THAT(trained.output, HasSubstr("bytes per token"));
  EXPECT_THAT(trained.output, HasSubstr("held out"));
  EXPECT_THAT(trained.output, HasSubstr("try it: bantam tokenize encode"));
}

TEST_F(TokenizeCommands, TrainGivesTheSameFileOnAnyNumberOfThreads) {
  for (const std::string kind : {"bpe", "unigram", "wordpiece"}) {
    std::vector<std::string> files;
    for (const std::string threads : {"1", "3"}) {
      ASSERT_EQ(train(kind, {"--force", "--threads", threads}).exit_code, 0);
      files.push_back(read_file(path(kind) + "/tokenizer.json"));
    }
    EXPECT_EQ(files[0], files[1]) << kind;
  }
}

TEST_F(TokenizeCommands, TrainKnowsMoreSpecialTokens) {
  ASSERT_EQ(train("bpe", {"--special", "<|turn|>"}).exit_code, 0);
  const ProcessResult encoded = bantam_({"tokenize", "encode", "--special", "--tokenizer",
                                         path("bpe") + "/tokenizer.json", "<|turn|>"});
  EXPECT_EQ(encoded.output, "1\n") << encoded.error;
}

TEST_F(TokenizeCommands, TrainRefusesWhatCannotBe) {
  const ProcessResult small = train("bpe", {}, "100");
  EXPECT_EQ(small.exit_code, 2);
  EXPECT_THAT(small.error, HasSubstr("vocabulary size: expected at least 257 for 256 bytes and the "
                                     "special tokens, found 100"));
  EXPECT_FALSE(std::filesystem::exists(path("bpe")));
  const ProcessResult none = bantam_({"tokenize", "train", "--no-run", "-o", path("none")});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.error, HasSubstr("--data: expected texts, found none"));
  ASSERT_EQ(train("bpe").exit_code, 0);
  EXPECT_EQ(train("bpe").exit_code, 2) << "the folder exists";
}

TEST_F(TokenizeCommands, TrainThatIsInterruptedLeavesNothing) {
  // Some ten seconds of work, mostly words that are met once.
  const ProcessResult stopped = bantam_.shell(
      fmt::format("head -c 20000000 /dev/urandom | base64 > {0}; $BANTAM tokenize train --data {0} "
                  "-o {1} --quiet --no-run & sleep 0.7; kill -INT $!; wait $!",
                  path("long.txt"), path("stopped")));
  EXPECT_EQ(stopped.exit_code, 130) << stopped.error;
  EXPECT_THAT(stopped.error, HasSubstr("stopped"));
  EXPECT_FALSE(std::filesystem::exists(path("stopped")));
}

TEST_F(TokenizeCommands, CompareShowsATable) {
  ASSERT_EQ(train("bpe").exit_code, 0);
  ASSERT_EQ(train("wordpiece").exit_code, 0);
  const ProcessResult compared =
      bantam_({"tokenize", "compare", "--tokenizer", path("bpe"), "--tokenizer",
               path("wordpiece") + "/tokenizer.json", "--data", rows()});
  EXPECT_EQ(compared.exit_code, 0) << compared.error;
  for (const char* row : {"200 texts", "tokens per word", "bytes per token", "texts that come back",
                          "100.00 %", "Rényi efficiency", "MB/s"}) {
    EXPECT_THAT(compared.output, HasSubstr(row));
  }
}

TEST_F(TokenizeCommands, CompareMeasuresAModelAndNamesTheFirstTextThatIsLost) {
  ASSERT_EQ(train("wordpiece").exit_code, 0);
  const std::string model = write_tiny_model(bantam_.home().path());
  const std::string texts = write("odd.jsonl", "{\"text\":\"fine\"}\n{\"text\":\"a  b\"}\n");
  const ProcessResult compared =
      bantam_({"tokenize", "compare", "--tokenizer", path("wordpiece"), "-m", model, "--data",
               texts, "--data", rows(), "--json"});
  ASSERT_EQ(compared.exit_code, 0) << compared.error;
  const Json result = parse_json(compared.output);
  ASSERT_EQ(result.size(), 2u);
  EXPECT_TRUE(result[0]["bits_per_byte"].is_null());
  EXPECT_GT(result[1]["bits_per_byte"], 0.0);
  EXPECT_EQ(result[1]["came_back"], 202);
  EXPECT_GE(result[0]["first_lost"]["text"], 0);
}

}  // namespace
}  // namespace bantam
