// Timings are not judged here: that rows are complete and agree with themselves is.
#include "bantam/recipe/bench/model_bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/recipe/bench/train_bench.h"
#include "tests/base/temporary_folder.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <class Body>
std::string usage_text(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.kind() == Error::Kind::usage ? error.what() : std::string("another kind");
  }
  return "no error";
}

void expect_consistent(const BenchRow& row, int repeat) {
  EXPECT_EQ(row.value.count, repeat) << row.work;
  EXPECT_GT(row.value.low, 0) << row.work;
  EXPECT_LE(row.value.low, row.value.median) << row.work;
  EXPECT_LE(row.value.median, row.value.high) << row.work;
  EXPECT_GT(row.bound, 0) << row.work;
  EXPECT_FALSE(row.bound_by.empty()) << row.work;
  const double share =
      row.unit == "ms" ? row.bound / row.value.median : row.value.median / row.bound;
  EXPECT_DOUBLE_EQ(row.share, share) << row.work;
}

class BenchTest : public testing::Test {
 protected:
  void SetUp() override {
    model_ = write_tiny_model(folder_.path());
    options_.prompt = 40;
    options_.generate = 6;
    options_.depth = {"0", "50"};
    options_.streams = 3;
    options_.stream_prompt = 20;
    options_.stream_generate = 4;
    options_.repeat = 2;
  }
  TemporaryFolder folder_;
  std::string model_;
  ModelBenchOptions options_;
};

TEST_F(BenchTest, EveryKindOfRowHasARateAndABound) {
  const ModelBench bench = bench_model(model_, options_);
  std::vector<std::string> kinds;
  for (const BenchRow& row : bench.rows) {
    kinds.push_back(row.kind);
    expect_consistent(row, 2);
  }
  EXPECT_EQ(kinds,
            (std::vector<std::string>{"first_token", "prompt", "decode", "decode", "batch"}));
  EXPECT_GT(bench.rows[2].bound, 0);
  EXPECT_GT(bench.rows[3].facts["bytes_per_token"], bench.rows[2].facts["bytes_per_token"])
      << "keys and values of 50 tokens more are read";
  EXPECT_GT(bench.memory.peak_resident, bench.memory.estimate.kv_cache);
  EXPECT_EQ(bench.memory.estimate.context, 3 * 32) << "all streams, in whole pages";
  const Json json = model_bench_json(bench);
  EXPECT_EQ(json["rows"].size(), 5U);
  EXPECT_EQ(json["rows"][4]["facts"]["streams"], 3);
}

TEST_F(BenchTest, OnlyTheRowsAskedForAreMeasured) {
  options_.only = {"decode"};
  options_.depth = {"7"};
  const ModelBench bench = bench_model(model_, options_);
  ASSERT_EQ(bench.rows.size(), 1U);
  EXPECT_EQ(bench.rows[0].facts["depth"], 7);
  EXPECT_EQ(bench.memory.estimate.context, 7 + 6);
}

TEST_F(BenchTest, WhatDoesNotFitOrIsUnknownIsRefusedByName) {
  options_.repeat = 1;
  options_.only = {"decod"};
  EXPECT_THAT(usage_text([&] { bench_model(model_, options_); }),
              AllOf(HasSubstr("decod"), HasSubstr("nearest: decode")));
  options_.only = {"decode"};
  options_.depth = {"251"};
  EXPECT_THAT(usage_text([&] { bench_model(model_, options_); }),
              AllOf(HasSubstr("257"), HasSubstr("256"), HasSubstr("depth")));
}

TEST_F(BenchTest, TrainingIsMeasuredForWeightsAndAdapters) {
  TrainBenchOptions options;
  options.shape = {"2x16", "1x32"};
  options.rank = 2;
  options.repeat = 2;
  const TrainBench bench = bench_training(model_, options);
  ASSERT_EQ(bench.rows.size(), 4U);
  for (const TrainBenchRow& row : bench.rows) {
    expect_consistent(row.row, 2);
    EXPECT_GT(row.optimizer_share, 0);
    EXPECT_LT(row.optimizer_share, 1);
    EXPECT_GT(row.loss, 0);
    EXPECT_GT(row.peak_tensors, 0U);
    EXPECT_GE(row.peak_resident, row.peak_tensors / 2);
    EXPECT_GT(row.estimate, 0U);
  }
  EXPECT_EQ(bench.rows[0].mode, "full");
  EXPECT_EQ(bench.rows[3].mode, "lora");
  EXPECT_GT(bench.rows[0].peak_tensors, bench.rows[2].peak_tensors);
  EXPECT_EQ(train_bench_json(bench)["rows"][3]["facts"]["length"], 32);
}

TEST_F(BenchTest, WrongShapesAndModesAreRefused) {
  EXPECT_EQ(parse_train_shape("12x256").rows, 12);
  for (const char* text : {"", "8", "8x", "x8", "0x8", "8x-1", "8x8x8", "8 x 8", "99999999x2"}) {
    EXPECT_THAT(usage_text([&] { parse_train_shape(text); }), HasSubstr("ROWSxTOKENS")) << text;
  }
  EXPECT_THAT(usage_text([&] { parse_train_shape("8x1"); }), HasSubstr("nothing to predict"));
  TrainBenchOptions options;
  options.repeat = 1;
  options.mode = {"lore"};
  EXPECT_THAT(usage_text([&] { bench_training(model_, options); }), HasSubstr("nearest: lora"));
  options.mode = {"lora"};
  options.shape = {"1x257"};
  EXPECT_THAT(usage_text([&] { bench_training(model_, options); }),
              AllOf(HasSubstr("257"), HasSubstr("256")));
}

}  // namespace
}  // namespace bantam
