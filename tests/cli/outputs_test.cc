// What a command may do to a name that it is told to write (K8), for every command that writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "bantam/base/files.h"
#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Writer {
  std::vector<std::string> words;  ///< without --out
  std::string input;               ///< a file that it reads
  bool is_folder = false;          ///< writes a folder
  std::string first_file = "";     ///< of that folder
};

class Outputs : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream rows(path("rows.jsonl"));
    for (int i = 0; i < 12; ++i) {
      rows << "{\"prompt\":\"p" << i << "\",\"completion\":\" c" << i << "\"}\n";
    }
    model_ = write_tiny_model(bantam_.home().path());
  }
  std::string path(const std::string& name) const { return (bantam_.home() / name).string(); }

  std::vector<Writer> writers() const {
    const std::string rows = path("rows.jsonl");
    return {{{"data", "split", rows}, rows, true, "train.jsonl"},
            {{"data", "mix", rows}, rows},
            {{"generate", "-m", model_, "--data", rows, "--max-tokens", "2", "--no-run"}, rows},
            {{"generate", "-m", model_, "a", "--max-tokens", "2", "--no-run"}, model_},
            {{"model", "logits", model_, "--tokens", "1,2"}, model_},
            {{"train", "-m", model_, "--data", rows, "--steps", "1", "--no-run"},
             rows,
             true,
             "adapter_config.json"}};
  }
  ProcessResult run(const Writer& writer, const std::string& out, bool force = false) const {
    std::vector<std::string> words = writer.words;
    words.insert(words.end(), {"--out", out, "--quiet"});
    if (force) words.emplace_back("--force");
    return bantam_(words);
  }
  std::string told(const Writer& writer, const ProcessResult& result) const {
    return fmt::format("{} {}: {}{}", writer.words[0], writer.words[1], result.output,
                       result.error);
  }

  BantamProgram bantam_;
  std::string model_;
};

TEST_F(Outputs, AnExistingResultIsReplacedOnlyWithForce) {
  int number = 0;
  for (const Writer& writer : writers()) {
    const std::string out = path(fmt::format("out-{}", number++));
    const ProcessResult first = run(writer, out);
    ASSERT_EQ(first.exit_code, 0) << told(writer, first);
    const Path file = writer.is_folder ? Path(out) / writer.first_file : Path(out);
    const std::string before = read_file(file);
    std::ofstream(file) << "mine";
    const ProcessResult refused = run(writer, out);
    EXPECT_EQ(refused.exit_code, 2) << told(writer, refused);
    EXPECT_THAT(refused.error, HasSubstr("exists already"));
    EXPECT_THAT(refused.error, HasSubstr("--force"));
    EXPECT_EQ(read_file(file), "mine");
    const ProcessResult forced = run(writer, out, true);
    EXPECT_EQ(forced.exit_code, 0) << told(writer, forced);
    EXPECT_EQ(read_file(file).size(), before.size()) << told(writer, forced);
  }
}

TEST_F(Outputs, AnInputIsNeverReplacedNotEvenWithForce) {
  for (const Writer& writer : writers()) {
    const std::string before = read_file(writer.input);
    std::string out = writer.input;
    if (writer.words[1] == "split") {  // the folder in which the input has an output's name
      fs::create_directories(path("split"));
      fs::rename(writer.input, path("split/train.jsonl"));
      fs::create_symlink(path("split/train.jsonl"), writer.input);
      out = path("split");
    }
    const ProcessResult result = run(writer, out, true);
    EXPECT_EQ(result.exit_code, 2) << told(writer, result);
    EXPECT_THAT(result.error, HasSubstr("is the output and an input")) << told(writer, result);
    EXPECT_EQ(read_file(writer.input), before) << told(writer, result);
  }
  EXPECT_EQ(bantam_({"model", "convert", model_, "--out", model_, "--force"}).exit_code, 2);
}

TEST_F(Outputs, APlaceThatCannotBeWrittenIsRefused) {
  for (const Writer& writer : writers()) {
    // No process may make anything there, whoever runs it.
    const ProcessResult result = run(writer, "/proc/bantam/out");
    EXPECT_EQ(result.exit_code, 2) << told(writer, result);
    EXPECT_THAT(result.error, HasSubstr("/proc/bantam")) << told(writer, result);
    EXPECT_THAT(result.error, HasSubstr("cannot")) << told(writer, result);
  }
}

TEST_F(Outputs, AFolderIsNoNameForAFileNorAFileForAFolder) {
  int number = 0;
  for (const Writer& writer : writers()) {
    const std::string out = path(fmt::format("place-{}", number++));
    if (writer.is_folder) {
      std::ofstream(out) << "mine";
    } else {
      fs::create_directories(Path(out) / "mine");
    }
    for (const bool force : {false, true}) {
      const ProcessResult result = run(writer, out, force);
      EXPECT_EQ(result.exit_code, 2) << told(writer, result);
      EXPECT_TRUE(writer.is_folder ? fs::is_regular_file(out)
                                   : fs::is_directory(Path(out) / "mine"))
          << told(writer, result);
    }
  }
}

}  // namespace
}  // namespace bantam
