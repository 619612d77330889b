#include "bantam/model/random_model.h"

#include <set>

#include "bantam/base/random.h"
#include "bantam/model/gguf.h"
#include "bantam/model/load_model.h"
#include "bantam/tensor/ops/matmul.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Small enough to load in no time; 60 columns fit no block of 32, 288 none of 256.
constexpr ModelShape kTiny{"tiny", 2, 64, 2, 1, 32, 96, 300, 128, 10000};

class RandomModelTest : public testing::Test {
 protected:
  Path write(const ModelShape& shape, const RandomModelOptions& options, const char* name) {
    const Path file = folder_.path() / name;
    write_random_model(shape, options, file);
    return file;
  }
  TemporaryFolder folder_;
};

TEST(WithWidthTest, HeadsAndFeedForwardGrowWithTheWidth) {
  const ModelShape wide = with_width(model_shape_named("smollm2-135m"), 960);
  EXPECT_EQ(wide.heads, 15);
  EXPECT_EQ(wide.kv_heads, 3);
  EXPECT_EQ(wide.head_width, 64);
  EXPECT_EQ(wide.feed_forward, 2560);
  EXPECT_EQ(wide.layers, 30);
  for (const std::int64_t width : {1, 100, 600}) {
    EXPECT_THAT(
        error_of([&] { with_width(model_shape_named("smollm2-135m"), width); }, Error::Kind::usage),
        AllOf(HasSubstr("192"), HasSubstr(width < 192 ? "try 192" : "try 576")));
  }
}

TEST_F(RandomModelTest, LoadsAndItsLogitsAreFiniteAndDifferent) {
  for (const DType dtype : {DType::f32, DType::q8_0, DType::q4_0, DType::q4_k}) {
    const LoadedModel loaded =
        load_model(write(kTiny, {.dtype = dtype}, info(dtype).name.data()).string());
    const std::vector<std::vector<std::int32_t>> sequences = {{7, 99, 200, 3}};
    const std::vector<double> logits =
        loaded.model->logits(loaded.model->hidden(make_batch(sequences))).values();
    const std::set<double> different(logits.begin(), logits.end());
    EXPECT_GT(different.size(), logits.size() / 2) << info(dtype).name;
    for (const double logit : logits) ASSERT_LT(std::abs(logit), 100) << info(dtype).name;
  }
}

// A store for answers keeps halves where products are rounded anyway, and estimates say so.
TEST_F(RandomModelTest, KeysAndValuesAreHalvesWhereAnswersMultiplyIntegers) {
  const auto stored = [&](DType dtype) {
    LoadOptions options;
    options.context = 100;
    const LoadedModel loaded =
        load_model(write(kTiny, {.dtype = dtype}, info(dtype).name.data()).string(), options);
    const KvShape shape = loaded.model->kv_shape();
    EXPECT_EQ(loaded.memory.kv_cache, 100 * shape.bytes_per_token()) << info(dtype).name;
    return shape.dtype;
  };
  EXPECT_EQ(stored(DType::q8_0), DType::f16);
  EXPECT_EQ(stored(DType::q4_k), DType::f16);
  EXPECT_EQ(stored(DType::f32), DType::f32);
  set_matmul_precision(MatmulPrecision::f32);
  EXPECT_EQ(stored(DType::q8_0), DType::f32);
  set_matmul_precision(MatmulPrecision::automatic);
}

TEST_F(RandomModelTest, TheSeedDecidesEveryByte) {
  const auto hash = [&](std::uint64_t seed, const char* name) {
    return sha256_of_file(write(kTiny, {.dtype = DType::q8_0, .seed = seed}, name));
  };
  const std::string first = hash(1, "a");
  EXPECT_EQ(first, hash(1, "b"));
  const auto weights = [&](std::uint64_t seed, const char* name) {
    return GgufFile::open(write(kTiny, {.dtype = DType::f32, .seed = seed}, name))
        ->tensor("blk.1.ffn_up.weight")
        .values();
  };
  EXPECT_NE(weights(1, "c"), weights(2, "d"));
}

TEST_F(RandomModelTest, RowsThatAreNoWholeBlocksFallBack) {
  const auto file = GgufFile::open(write(kTiny, {.dtype = DType::q4_k}, "k.gguf"));
  EXPECT_EQ(file->tensor("blk.0.attn_q.weight").dtype(), DType::q5_0) << "64 columns";
  EXPECT_EQ(file->tensor("blk.0.attn_norm.weight").dtype(), DType::f32);
  ModelShape wide = kTiny;
  wide.feed_forward = 256;
  const auto wider = GgufFile::open(write(wide, {.dtype = DType::q6_k}, "w.gguf"));
  EXPECT_EQ(wider->tensor("blk.0.ffn_down.weight").dtype(), DType::q6_k) << "256 columns";
  EXPECT_EQ(wider->tensor("blk.0.ffn_up.weight").dtype(), DType::q8_0) << "64 columns";
}

TEST_F(RandomModelTest, TheVocabularyIsPaddedAndUnusedTokensAreMarked) {
  const LoadedModel loaded = load_model(write(kTiny, {}, "t.gguf").string());
  EXPECT_EQ(loaded.tokenizer->vocabulary_size(), 300);
  EXPECT_TRUE(loaded.tokenizer->is_special(299));
  EXPECT_EQ(loaded.tokenizer->eos(), 256);
  const std::string text = "Grüße, 世界\n";
  EXPECT_EQ(loaded.tokenizer->decode(loaded.tokenizer->encode(text).ids), text);
  ModelShape small = kTiny;
  small.vocabulary = 200;
  EXPECT_THAT(error_of([&] { write(small, {}, "s.gguf"); }, Error::Kind::input),
              AllOf(HasSubstr("257"), HasSubstr("200")));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "s.gguf"));
}

TEST(ModelShapesTest, AreValidAndAnUnknownNameIsAnsweredWithTheNearest) {
  for (const ModelShape& shape : model_shapes()) {
    EXPECT_EQ(&model_shape_named(shape.name), &shape);
    EXPECT_EQ(config_of(shape).kv_shape().layers, shape.layers);
  }
  EXPECT_THAT(error_of([] { model_shape_named("qwen2.5-0.6b"); }, Error::Kind::usage),
              HasSubstr("nearest: qwen2.5-0.5b"));
}

TEST_F(RandomModelTest, ATypeThatIsNoneOfWeightsIsRefused) {
  EXPECT_THAT(error_of([&] { write(kTiny, {.dtype = DType::i32}, "i.gguf"); }, Error::Kind::usage),
              HasSubstr("i32"));
}

}  // namespace
}  // namespace bantam
