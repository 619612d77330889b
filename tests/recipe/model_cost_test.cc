#include "bantam/recipe/bench/model_cost.h"

#include <gtest/gtest.h>

#include "bantam/model/load_model.h"
#include "bantam/model/random_model.h"
#include "bantam/recipe/bench/bench_row.h"
#include "tests/base/temporary_folder.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

// The tiny model: width 16, 4 query heads on 2 key heads of 4, feed-forward 24, 264 tokens.
constexpr double kLinears = 2 * (16 * 16 + 2 * 8 * 16 + 16 * 16 + 3 * 24 * 16);
constexpr double kHead = 264 * 16;
constexpr double kPair = 2 * 2 * 16;  // layers, score and value, heads x width

TEST(ModelCostTest, CountsMultiplicationsAndBytesFromTheShapes) {
  const ModelCost cost = cost_of(*tiny_model(264));
  EXPECT_EQ(cost.linears, kLinears);
  EXPECT_EQ(cost.head, kHead);
  EXPECT_EQ(cost.pair, kPair);
  EXPECT_EQ(cost.weight_bytes, 4 * (kLinears + kHead));
  // Keys and values of 2 layers and 2 heads, whose width of 4 is padded, in f32.
  EXPECT_EQ(cost.kv_bytes, 2 * 2 * 2 * padded_head_width(4) * 4);
}

TEST(ModelCostTest, APromptIsOnePassThatSharesWeightsAndHead) {
  const ModelCost cost = cost_of(*tiny_model(264));
  EXPECT_EQ(cost.prompt(1).all_operations(), cost.decode(1).operations);
  EXPECT_EQ(cost.prompt(10).operations, 2 * (10 * kLinears + kHead));
  EXPECT_EQ(cost.prompt(10).passage_attention, 2 * kPair * 55);
  EXPECT_EQ(cost.decode(100, 4).bytes, cost.weight_bytes + 400 * cost.kv_bytes);
  EXPECT_EQ(cost.decode(100, 4).operations, 4 * cost.decode(100).operations);
}

TEST(ModelCostTest, TrainingAllWeightsTakesThreeProductsAnAdapterTwo) {
  auto model = tiny_model(264);
  const double attention = 2 * 3 * 2 * kPair * 36;  // 2 rows, 36 pairs of 8 tokens
  EXPECT_EQ(cost_of(*model).training_step(2, 8, true).all_operations(),
            2 * 16 * 3 * (kLinears + kHead) + attention);
  auto adapter = model->make_adapter("a", {.rank = 2}, 1);
  model->attach(adapter);
  const ModelCost cost = cost_of(*model);
  // rank x (inputs + outputs) of q, k, v, o, gate, up, down, in both layers
  EXPECT_EQ(cost.adapters, 2 * 2 * (32 + 24 + 24 + 32 + 3 * 40));
  EXPECT_EQ(cost.training_step(2, 8, false).all_operations(),
            2 * 16 * (2 * (kLinears + kHead) + 3 * cost.adapters) + attention);
}

// A file of q4_0, whose rows are whole blocks of 32.
TEST(ModelCostTest, QuantizedWeightsCountAsIntegersInAnswersAndAsFloatsInTraining) {
  const ModelShape& shape = model_shape_named("tiny-15m");
  const TemporaryFolder folder;
  const Path file = folder.path() / "tiny.gguf";
  write_random_model(shape, {.dtype = DType::q4_0}, file);
  const ModelCost cost = cost_of(*load_model(file.string()).model);
  if (!answers_multiply_integers(DType::q4_0)) GTEST_SKIP() << "this CPU answers in f32";
  EXPECT_EQ(cost.integer_linears, cost.linears);
  EXPECT_EQ(cost.integer_head, cost.head);
  EXPECT_EQ(cost.prompt(10).passage_operations, 2 * 10 * cost.linears);
  EXPECT_EQ(cost.prompt(10).integer_operations, 2 * cost.head) << "one token's logits";
  EXPECT_EQ(cost.prompt(10).passage_attention, 2 * cost.pair * 55);
  EXPECT_EQ(cost.prompt(10).operations, 0);
  EXPECT_EQ(cost.decode(7, 3).integer_operations, 3 * 2 * (cost.linears + cost.head));
  EXPECT_EQ(cost.decode(7, 3).operations, 3 * 2 * cost.pair * 7);
  EXPECT_EQ(cost.training_step(1, 8, false).integer_operations, 0);
  EXPECT_GT(cost.training_step(1, 8, false).all_operations(), 2 * 8 * 2 * cost.linears);
}

TEST(BoundTest, IsWhicheverTakesLonger) {
  const MachineRates rates{.memory_read = 10e9, .products = 100e9, .product_type = "bf16"};
  const Bound reading = bound_of({.operations = 1e9, .bytes = 1e9}, rates);
  EXPECT_DOUBLE_EQ(reading.seconds, 0.1);
  EXPECT_EQ(reading.by, "memory 10.0 GB/s");
  const Bound computing = bound_of({.operations = 1e12, .bytes = 1e9}, rates);
  EXPECT_DOUBLE_EQ(computing.seconds, 10);
  EXPECT_EQ(computing.by, "bf16 products 100 GFLOP/s");
}

TEST(BoundTest, IntegersAndFloatsTakeTheirTimesOneAfterTheOther) {
  const MachineRates rates{
      .memory_read = 10e9, .products = 100e9, .product_type = "f32", .integer_products = 400e9};
  const Bound both = bound_of({.operations = 1e11, .integer_operations = 8e11}, rates);
  EXPECT_DOUBLE_EQ(both.seconds, 1 + 2);
  EXPECT_EQ(both.by, "integer products 400 GOP/s, f32 100 GFLOP/s");
  const Bound integers = bound_of({.operations = 1e10, .integer_operations = 8e11}, rates);
  EXPECT_DOUBLE_EQ(integers.seconds, 0.1 + 2);
  EXPECT_EQ(integers.by, "integer products 400 GOP/s") << "floats take less than a tenth";
}

TEST(BoundTest, PassagesAreIntegersWhereTheyHaveNoRateOfTheirOwn) {
  MachineRates rates{.products = 100e9, .product_type = "i16", .integer_products = 400e9};
  const Work work{
      .integer_operations = 4e11, .passage_operations = 6e11, .passage_attention = 1e11};
  EXPECT_DOUBLE_EQ(bound_of(work, rates).seconds, 1 + 1.5 + 1);
  EXPECT_EQ(bound_of(work, rates).by, "integer products 400 GOP/s, i16 100 GOP/s");
  rates.passage_products = 1400e9;
  EXPECT_DOUBLE_EQ(bound_of(work, rates).seconds, 1 + 0.5);
  EXPECT_EQ(bound_of(work, rates).by, "integer products 400 GOP/s, bf16 1400 GFLOP/s");
}

TEST(BoundTest, GradientsHaveARateOfTheirOwn) {
  MachineRates rates{
      .products = 100e9, .product_type = "i16", .gradient_products = 200e9, .gradient_type = "i8"};
  const Work work{.operations = 1e11, .gradient_operations = 2e11};
  EXPECT_DOUBLE_EQ(bound_of(work, rates).seconds, 1 + 1);
  EXPECT_EQ(bound_of(work, rates).by, "i16 products 100 GOP/s, i8 200 GOP/s");
  rates.gradient_products = 0;
  EXPECT_DOUBLE_EQ(bound_of(work, rates).seconds, 1 + 2);
  EXPECT_EQ(bound_of(work, rates).by, "i16 products 100 GOP/s");
}

TEST(BenchRowTest, TheShareIsReachedOverBoundForRatesAndTimes) {
  const BenchRow rate = rate_row("decode", "decode", 100, {2, 1, 4, 5}, {0.5, "x"}, {});
  EXPECT_DOUBLE_EQ(rate.value.median, 50);
  EXPECT_DOUBLE_EQ(rate.value.low, 25);
  EXPECT_DOUBLE_EQ(rate.value.high, 100);
  EXPECT_DOUBLE_EQ(rate.bound, 200);
  EXPECT_DOUBLE_EQ(rate.share, 0.25);
  const BenchRow time = time_row("first_token", "load", {0.2, 0.1, 0.3, 3}, {0.05, "x"}, {});
  EXPECT_DOUBLE_EQ(time.value.median, 200);
  EXPECT_DOUBLE_EQ(time.bound, 50);
  EXPECT_DOUBLE_EQ(time.share, 0.25);
}

}  // namespace
}  // namespace bantam
