// The `bench` commands on a tiny model: what they print, what --json holds, what is recorded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class BenchCommands : public testing::Test {
 protected:
  void SetUp() override { model_ = write_tiny_model(bantam_.home().path()); }
  std::size_t recorded_runs() const {
    return parse_json(bantam_({"runs", "list", "--json"}).output).size();
  }
  BantamProgram bantam_;
  std::string model_;
};

TEST_F(BenchCommands, ModelPrintsATableAndRecordsTheRun) {
  const ProcessResult done = bantam_({"bench", "model", model_, "--prompt", "20", "--generate", "4",
                                      "--depth", "0,30", "--streams", "2", "--stream-prompt", "8",
                                      "--stream-generate", "4", "--repeat", "1"});
  ASSERT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.output, AllOf(HasSubstr("decode 4 tokens after 30"), HasSubstr("share"),
                                 HasSubstr("2 streams, 8 + 4 tokens"), HasSubstr("memory:")));
  EXPECT_EQ(recorded_runs(), 1U);
}

TEST_F(BenchCommands, JsonHoldsTheSameRows) {
  const ProcessResult model = bantam_({"bench", "model", model_, "--only", "decode", "--generate",
                                       "4", "--repeat", "2", "--json", "--no-run", "--quiet"});
  ASSERT_EQ(model.exit_code, 0) << model.error;
  const Json rows = parse_json(model.output)["rows"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["kind"], "decode");
  EXPECT_EQ(rows[0]["value"]["count"], 2);
  const ProcessResult train = bantam_({"bench", "train", model_, "--mode", "lora", "--shape", "2x8",
                                       "--repeat", "1", "--json", "--no-run"});
  ASSERT_EQ(train.exit_code, 0) << train.error;
  EXPECT_EQ(parse_json(train.output)["rows"][0]["facts"]["rank"], 8);
  EXPECT_EQ(recorded_runs(), 0U);
}

TEST_F(BenchCommands, DeviceMeasuresOneThreadWhenAskedTo) {
  const ProcessResult done =
      bantam_({"bench", "device", "--threads", "1", "--buffer", "1MiB", "--repeat", "1", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.error;
  const Json device = parse_json(done.output);
  EXPECT_EQ(device["threads"], 1);
  EXPECT_EQ(device["memory_read"].size(), 1U);
  EXPECT_EQ(device["memory_read"][0]["buffer_bytes"], 1 << 20);
}

TEST_F(BenchCommands, ARandomModelIsWrittenAndMeasured) {
  const std::string file = (bantam_.home().path() / "random.gguf").string();
  const ProcessResult made =
      bantam_({"model", "random", "--like", "tiny-15m", "--quant", "q4_0", "-o", file, "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  EXPECT_EQ(parse_json(made.output)["like"], "tiny-15m");
  const ProcessResult done = bantam_({"bench", "model", file, "--only", "prompt", "--prompt", "30",
                                      "--repeat", "1", "--json", "--no-run"});
  ASSERT_EQ(done.exit_code, 0) << done.error;
  EXPECT_EQ(parse_json(done.output)["rows"][0]["facts"]["tokens"], 30);
  const ProcessResult again = bantam_({"model", "random", "--like", "tiny-15m", "-o", file});
  EXPECT_EQ(again.exit_code, 2) << "nothing is overwritten without --force";
  const ProcessResult unknown = bantam_({"model", "random", "--like", "tiny-51m", "-o", "x.gguf"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.error, HasSubstr("nearest: tiny-15m"));
}

TEST_F(BenchCommands, AnUnknownKindOfRowIsAnsweredWithTheNearest) {
  const ProcessResult done = bantam_({"bench", "model", model_, "--only", "promt"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.error, HasSubstr("nearest: prompt"));
}

}  // namespace
}  // namespace bantam
