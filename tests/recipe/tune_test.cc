// The whole job on a model of a few thousand weights: every step runs, every export is read back.
#include "bantam/recipe/tune/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/model/save_model.h"
#include "bantam/recipe/tune/tune_report.h"
#include "tests/base/temporary_folder.h"
#include "tests/generate/tiny_model.h"
#include "tests/model/tiny_model_folder.h"

namespace bantam {
namespace {

using testing::HasSubstr;
using testing::Not;

Dataset labelled_rows() {
  std::vector<Row> rows;
  for (int i = 0; i < 80; ++i) {
    Row row;
    row.kind = Row::Kind::classification;
    row.id = fmt::format("row{}", i);
    // One row tries to end the report's script early.
    row.text = fmt::format("{} {}{}", i % 2 == 0 ? "sun" : "rain", i,
                           i % 10 == 0 ? " </script><b>bold" : "");
    row.label = i % 2 == 0 ? "dry" : "wet";
    rows.push_back(std::move(row));
  }
  return Dataset(std::move(rows));
}

Dataset prompt_rows() {
  std::vector<Row> rows;
  for (int i = 0; i < 40; ++i) {
    Row row;
    row.kind = Row::Kind::prompt_completion;
    row.id = fmt::format("row{}", i);
    row.prompt = fmt::format("the {} is", i);
    row.completion = " the";
    rows.push_back(std::move(row));
  }
  return Dataset(std::move(rows));
}

class TuneJob : public testing::Test {
 protected:
  void SetUp() override {
    model_ = folder_.path() / "tiny";
    save_hf_folder(tiny_loaded(), model_, DType::f32);
    options_.model = model_.string();
    options_.epochs = 4;
    options_.shots = 2;
    options_.learning_rate = 0.02;
  }

  TuneResult run(const Dataset& rows, const char* name) {
    TuneHooks hooks;
    hooks.command = "bantam tune rows.jsonl --seed 5";
    return tune(options_, prepare_tune_data(rows, options_, 5), 5, folder_.path() / name, hooks);
  }

  TemporaryFolder folder_;
  Path model_;
  TuneOptions options_;
};

TEST_F(TuneJob, LearnsExportsAndReports) {
  const TuneResult result = run(labelled_rows(), "out");
  ASSERT_EQ(result.baselines.size(), 4u);
  EXPECT_EQ(result.before, 2u);
  ASSERT_GE(result.train_curve.size(), 8u);
  EXPECT_LT(result.train_curve.back().loss, result.train_curve.front().loss);
  EXPECT_FALSE(result.dev_curve.empty());
  EXPECT_LT(result.after.loss->value, result.baselines[result.before].loss->value);

  ASSERT_EQ(result.exports.size(), 3u);
  for (const ExportCheck& check : result.exports) {
    EXPECT_TRUE(std::filesystem::exists(check.path)) << check.kind;
    EXPECT_GT(check.compared, 0);
    EXPECT_GE(10 * check.same, 9 * check.compared) << check.kind;
  }
  // The adapter is what was trained: reading it back changes nothing.
  EXPECT_EQ(result.exports[0].kind, "peft");
  EXPECT_LE(result.exports[0].largest_difference, 1e-5);

  const std::string page = read_file(result.report);
  EXPECT_THAT(page, HasSubstr("bantam tune rows.jsonl --seed 5"));
  EXPECT_THAT(page, Not(HasSubstr("{{REPORT}}")));
  EXPECT_THAT(page, Not(HasSubstr("</script><b>")))
      << "row texts must not reach the page as markup";
  const Json task = parse_json(read_file(result.folder / "task.json"));
  EXPECT_EQ(task["labels"], (Json{"dry", "wet"}));
  EXPECT_THAT(read_file(result.folder / "README.md"), HasSubstr("tuned model"));
}

TEST_F(TuneJob, ExportsAreAskedAsTheModelLearned) {
  const TuneResult result = run(labelled_rows(), "asked");
  const std::string adapter = model_.string() + "+" + (result.folder / "adapter").string();
  for (const std::string& reference :
       {adapter, (result.folder / "hf").string(), (result.folder / "model-q8_0.gguf").string()}) {
    const LoadedModel exported = load_model(reference);
    ASSERT_TRUE(exported.chat_template) << reference;
    const std::vector<Message> messages = {{.role = "user", .content = "sun"}};
    EXPECT_EQ(render_prompt(*exported.chat_template, *exported.tokenizer, messages).text,
              "sun\nLabel:")
        << reference;
  }
}

TEST_F(TuneJob, WrittenAnswersAreMeasuredByExactMatchLossAndRepetition) {
  options_.exports = {"none"};
  const TuneResult result = run(prompt_rows(), "out");
  ASSERT_EQ(result.baselines.size(), 1u);
  ASSERT_TRUE(result.writing_after.has_value());
  EXPECT_LT(result.after.loss->value, result.baselines[0].loss->value);
  EXPECT_FALSE(result.after.macro_f1.has_value());
  EXPECT_THAT(read_file(result.report), HasSubstr("Exact match"));
}

TEST_F(TuneJob, AllWeightsTrainWithFullAndThereIsNoAdapterToExport) {
  options_.full = true;
  options_.learning_rate = 0.005;
  options_.exports = {"peft", "hf"};
  const TuneResult result = run(labelled_rows(), "out");
  ASSERT_EQ(result.exports.size(), 1u);
  EXPECT_EQ(result.exports[0].kind, "hf");
  EXPECT_LT(result.train_curve.back().loss, result.train_curve.front().loss);
}

TEST_F(TuneJob, WhatCannotBeExportedIsToldBeforeTraining) {
  options_.model = write_tiny_folder(folder_.path() / "opt", "decoders/opt", letters_of_bert());
  try {
    run(labelled_rows(), "out");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("--export gguf: GGUF has no form for models of the opt family; export a "
                          "Hugging Face folder instead"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "out"));
}

TEST_F(TuneJob, TheSameSeedGivesTheSameModel) {
  options_.exports = {"peft"};
  const TuneResult first = run(labelled_rows(), "first"), second = run(labelled_rows(), "second");
  EXPECT_EQ(sha256_of_file(first.exports[0].path / "adapter_model.safetensors"),
            sha256_of_file(second.exports[0].path / "adapter_model.safetensors"));
}

}  // namespace
}  // namespace bantam
