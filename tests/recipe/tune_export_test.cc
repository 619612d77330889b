#include "bantam/recipe/tune/tune_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/model/random_model.h"
#include "tests/base/expect_error.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

using testing::HasSubstr;

// Logits of random weights lie close together: four bits a weight change which of them is largest.
constexpr ModelShape kShape{"tiny", 2, 64, 2, 1, 32, 96, 300, 128, 10000};

class TuneExport : public testing::Test {
 protected:
  LoadedModel model(std::uint64_t seed) {
    const Path file = folder_.path() / fmt::format("{}.gguf", seed);
    write_random_model(kShape, {.dtype = DType::f32, .seed = seed}, file);
    return load_model(file.string());
  }

  ExportCheck written(const std::string& kind, const LoadedModel& tuned, DType type) {
    std::vector<std::int32_t> text;
    for (std::int32_t i = 0; i < 100; ++i) text.push_back(i * 37 % 256);
    return export_and_check(kind, tuned, type, folder_.path(), {{text}}, "a test", notes_);
  }

  TemporaryFolder folder_;
  NoteKeeper notes_;
};

TEST_F(TuneExport, FineTypesAnswerTheSame) {
  const ExportCheck check = written("gguf", model(1), DType::f32);
  EXPECT_EQ(check.compared, 99);
  EXPECT_TRUE(check.same_answers());
  EXPECT_FALSE(check.coarse);
  EXPECT_TRUE(notes_.notes.empty());
}

TEST_F(TuneExport, ATypeTooCoarseIsToldNotRefused) {
  const ExportCheck check = written("gguf", model(1), DType::q4_0);
  EXPECT_LT(check.same, 90);
  EXPECT_TRUE(check.coarse);
  EXPECT_TRUE(std::filesystem::exists(check.path));
  ASSERT_EQ(notes_.notes.size(), 1U);
  EXPECT_THAT(notes_.notes.front(), HasSubstr("q4_0 is coarse for this model"));
}

TEST_F(TuneExport, AnAdapterForOtherWeightsIsRefusedAndKept) {
  LoadedModel tuned = model(1);
  tuned.path = model(2).path;
  tuned.model->attach(tuned.model->make_adapter("test", {.rank = 2, .targets = {"all-linear"}}, 1));
  EXPECT_ERROR(written("peft", tuned, DType::q8_0), failed_expectation, "export peft: only",
               "of 99 next tokens agree", "adapter.rejected");
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "adapter.rejected"));
}

}  // namespace
}  // namespace bantam
