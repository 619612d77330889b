#include "bantam/model/memory_estimate.h"

#include "bantam/tensor/ops/matmul.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class OneWeight final : public WeightSource {
 public:
  explicit OneWeight(std::uint64_t bytes, DType dtype = DType::f32)
      : bytes_(bytes), dtype_(dtype) {}
  std::vector<WeightInfo> weights() const override {
    return {{"w", Shape({1}), dtype_, bytes_}, {"v", Shape({1}), DType::f32, 24}};
  }
  bool has(std::string_view) const override { return false; }
  Tensor tensor(std::string_view) const override { return {}; }
  std::string description() const override { return "one"; }

 private:
  std::uint64_t bytes_;
  DType dtype_;
};

DecoderConfig small_config() {
  DecoderConfig config;
  config.layers = 2;
  config.width = 8;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_width = 2;
  config.feed_forward = 16;
  config.vocabulary = 100;
  return config;
}

TEST(MemoryEstimateTest, AddsWeightsKeysValuesAndScratch) {
  const auto estimate = estimate_memory(small_config(), OneWeight(1000), 10);
  EXPECT_EQ(estimate.weights, 1024u);
  // Keys and values of 2 layers x 2 heads x 16 features (2, rounded up) x 4 bytes, 10 tokens.
  EXPECT_EQ(estimate.kv_cache, 2u * 2 * 2 * 16 * 4 * 10);
  EXPECT_EQ(estimate.copies, 0u) << "no queries and keys in another order";
  EXPECT_EQ(estimate.total, estimate.weights + estimate.program + estimate.kv_cache +
                                estimate.scratch + estimate.waiting);
  EXPECT_GT(estimate.largest_context, 0);
  require_memory(estimate, "m");
}

TEST(MemoryEstimateTest, WorkingMemoryIsThatOfAPassAndOfTheLogitsOfAllAnswers) {
  const auto scratch = [](std::int64_t context, std::int64_t answers) {
    return estimate_memory(small_config(), OneWeight(1000), context, answers).scratch;
  };
  EXPECT_EQ(scratch(0, 1), scratch(512, 1)) << "texts of any length go through in pieces";
  EXPECT_EQ(scratch(4096, 1), scratch(512, 1));
  EXPECT_LT(scratch(100, 1), scratch(512, 1) / 4);
  EXPECT_EQ(scratch(100, 17) - scratch(100, 1), 16u * 100 * 4) << "100 tokens of vocabulary, f32";
}

TEST(MemoryEstimateTest, KeysAndValuesTakeHalfWhereAnswersAreRounded) {
  const auto kv_cache = [](DType weights) {
    return estimate_memory(small_config(), OneWeight(1000, weights), 10).kv_cache;
  };
  EXPECT_EQ(kv_cache(DType::q4_1) * 2, kv_cache(DType::f32));
  EXPECT_EQ(kv_cache(DType::bf16), kv_cache(DType::f32));
  set_matmul_precision(MatmulPrecision::f32);
  EXPECT_EQ(kv_cache(DType::q4_1), kv_cache(DType::f32));
  set_matmul_precision(MatmulPrecision::automatic);
}

TEST(MemoryEstimateTest, AContextThatDoesNotFitNamesNeededAvailableAndWhatWould) {
  const auto estimate = estimate_memory(small_config(), OneWeight(1000), std::int64_t{1} << 40);
  EXPECT_THAT(error_of([&] { require_memory(estimate, "m.gguf"); }, Error::Kind::resources),
              AllOf(HasSubstr("m.gguf"), HasSubstr("needs"), HasSubstr("available"),
                    HasSubstr("would fit")));
}

TEST(MemoryEstimateTest, SizesThatWrapStayTooLarge) {
  DecoderConfig config = small_config();
  config.layers = 2147483647;
  config.kv_heads = std::int64_t{1} << 40;
  config.width = std::int64_t{1} << 62;
  const auto estimate = estimate_memory(config, OneWeight(~std::uint64_t{0}), 1 << 30);
  EXPECT_EQ(estimate.total, ~std::uint64_t{0});
  EXPECT_EQ(estimate.largest_context, 0);
  EXPECT_THAT(error_of([&] { require_memory(estimate, "m"); }, Error::Kind::resources),
              HasSubstr("smaller"));
}

TEST(MemoryEstimateTest, AvailableMemoryIsNeitherNothingNorEverything) {
  EXPECT_GT(available_memory(), std::uint64_t{1} << 20);
  EXPECT_LT(available_memory(), std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace bantam
