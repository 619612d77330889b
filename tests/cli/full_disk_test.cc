// A disk that is really full (R3, Y1): a small file system of its own, in a mount namespace that
// ends with the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;
using testing::Not;

class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (bantam_.shell("unshare --mount mount -t tmpfs none /mnt").exit_code == 0) {
      namespace_ = "unshare --mount";
    } else if (bantam_.shell("unshare --user --map-root-user --mount mount -t tmpfs none /mnt")
                   .exit_code == 0) {
      namespace_ = "unshare --user --map-root-user --mount";
    } else {
      GTEST_SKIP() << "this user may not mount a file system of its own, so no disk can be filled";
    }
    model_ = write_tiny_model(bantam_.home().path());
    std::ofstream rows(bantam_.home() / "rows.jsonl");
    for (int i = 0; i < 40; ++i) {
      rows << "{\"prompt\":\"p" << i << "\",\"completion\":\" c" << i << "\"}\n";
    }
    std::filesystem::create_directories(bantam_.home() / "disk");
  }
  // Lines for the shell, run where "disk" is a file system of `size`.
  ProcessResult on_small_disk(const std::string& size, const std::string& lines) const {
    std::ofstream(bantam_.home() / "script")
        << "set -u; cd " << bantam_.home().path().string() << "\nmount -t tmpfs -o size=" << size
        << " none disk\n"
        << lines;
    return bantam_.shell("exec " + namespace_ + " bash " + (bantam_.home() / "script").string());
  }
  std::string train(const std::string& out) const {
    return "\"$BANTAM\" train -m " + model_ +
           " --data rows.jsonl --full --batch 4 --steps 6 --checkpoint-every 2 --no-run --quiet"
           " --dev 0 --threads 1 -o " +
           out;
  }

  BantamProgram bantam_;
  std::string namespace_, model_;
};

TEST_F(FullDisk, StopsTrainingAfterThreeTriesAndTheRunGoesOnFromTheLastCheckpoint) {  // Y1
  const ProcessResult ran = on_small_disk("64m", train("whole") + R"( || exit 90
checkpoint=$(du -k --apparent-size -s whole/training/checkpoint-000002 2>/dev/null ||
             du -k --apparent-size -s whole/training/checkpoint-000004)
mount -o remount,size=$((${checkpoint%%[!0-9]*} * 3 / 2 + 64))k disk || exit 91
SECONDS=0
)" + train("disk/run") + R"( ; echo "exit code $?, seconds $SECONDS"
ls -A disk/run/training
mount -o remount,size=64m disk || exit 92
"$BANTAM" train resume disk/run --no-run --quiet || exit 93
cmp whole/model.safetensors disk/run/model.safetensors && echo same weights
)");
  EXPECT_EQ(ran.exit_code, 0) << ran.output << ran.error;
  EXPECT_THAT(ran.output, HasSubstr("exit code 4, "));
  EXPECT_THAT(ran.output, testing::ContainsRegex("seconds (1[2-9]|[2-5][0-9])\n"));  // three tries
  EXPECT_THAT(ran.error, HasSubstr("No space left on device"));
  EXPECT_THAT(ran.output, HasSubstr("checkpoint-000002\n"));
  EXPECT_THAT(ran.output, Not(HasSubstr("checkpoint-000004\n")));
  EXPECT_THAT(ran.output, Not(HasSubstr("partial")));
  EXPECT_THAT(ran.output, HasSubstr("same weights"));
}

TEST_F(FullDisk, LeavesTheOlderFileAndNothingElse) {  // R3
  const ProcessResult ran = on_small_disk("1m", R"(
"$BANTAM" model logits )" + model_ + R"( --tokens 1 -o disk/out --quiet >/dev/null || exit 90
sha256sum <disk/out >before
dd if=/dev/zero of=disk/filler bs=1k status=none 2>/dev/null
ls -A disk >names
for what in "model logits )" + model_ + " --tokens 1,2,3,4 -o disk/out\" \"model convert " +
                                                    model_ + R"( -o disk/out.gguf" \
            "data mix rows.jsonl -o disk/out" "data split rows.jsonl -o disk" \
            "generate -m )" + model_ + R"( a --max-tokens 2 --no-run -o disk/out"; do
  "$BANTAM" $what --force --quiet >/dev/null; code=$?
  [ $code = 4 ] || echo "$what: exit code $code"
  ls -A disk | cmp - names || echo "$what: left something"
  sha256sum <disk/out | cmp - before || echo "$what: damaged the older file"
done)");
  EXPECT_EQ(ran.exit_code, 0) << ran.output << ran.error;
  EXPECT_EQ(ran.output, "");
  EXPECT_THAT(ran.error, HasSubstr("No space left on device"));
}

}  // namespace
}  // namespace bantam
