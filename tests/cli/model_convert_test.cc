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

}  // namespace
}  // namespace bantam
