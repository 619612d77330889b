// Vectors of texts against sentence-transformers on a tiny random encoder. Golden files:
// tests/golden/generate/sentences and sentences_layers, made by tools/golden/sentence_vectors.py.
#include "bantam/generate/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "bantam/model/save_model.h"
#include "bantam/tensor/ops.h"
#include "tests/base/temporary_folder.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pointwise;

class EmbedderGolden : public testing::Test {
 protected:
  explicit EmbedderGolden(const char* name = "sentences")
      : folder_(Path(BANTAM_SOURCE_DIR) / "tests/golden/generate" / name),
        golden_(parse_json(read_file(folder_ / "golden.json"))),
        texts_(golden_["texts"].get<std::vector<std::string>>()) {
    set_matmul_precision(MatmulPrecision::f32);
  }
  ~EmbedderGolden() override { set_matmul_precision(MatmulPrecision::automatic); }

  Embedder embedder(const EmbedderOptions& options = {}) const {
    return Embedder(load_encoder((folder_ / "model").string()), options);
  }
  std::vector<double> expected(const std::string& name) const {
    std::vector<double> all;
    for (const Json& row : golden_[name]) {
      for (const Json& value : row) all.push_back(value.get<double>());
    }
    return all;
  }

  Path folder_;
  Json golden_;
  std::vector<std::string> texts_;
};

class EmbedderWithLayers : public EmbedderGolden {
 protected:
  EmbedderWithLayers() : EmbedderGolden("sentences_layers") {}
};

constexpr double kTolerance = 1e-4;  // of states that are normalized: about 1

TEST_F(EmbedderGolden, FollowsTheFilesOfSentenceTransformers) {
  const Embedder embedder = this->embedder();
  EXPECT_EQ(embedder.pooling(), Pooling::mean);
  EXPECT_TRUE(embedder.normalizes());
  EXPECT_EQ(embedder.longest(), 12);
  EXPECT_EQ(embedder.prompt(), "");
  EXPECT_THAT(embedder.embed(texts_).vectors.values(),
              Pointwise(DoubleNear(kTolerance), expected("files")));
}

TEST_F(EmbedderGolden, PoolsAsAsked) {
  for (const char* name : {"mean", "first", "last", "max"}) {
    const Embedder embedder = this->embedder({.pooling = pooling_named(name), .normalize = false});
    EXPECT_THAT(embedder.embed(texts_).vectors.values(),
                Pointwise(DoubleNear(kTolerance), expected(name)))
        << name;
  }
}

TEST_F(EmbedderGolden, APromptStandsInFrontOfEveryText) {
  EXPECT_THAT(embedder({.prompt = "query: "}).embed(texts_).vectors.values(),
              Pointwise(DoubleNear(kTolerance), expected("prompted")));
}

TEST_F(EmbedderGolden, TellsWhichTextsWereCut) {
  const Embeddings found = embedder().embed(texts_);
  EXPECT_THAT(found.truncated, ElementsAre(5u));
  EXPECT_EQ(found.tokens[5], 12);
  EXPECT_EQ(found.tokens[0], 8);
  EXPECT_EQ(found.tokens[3], 2);  // of an empty text the special tokens are left
}

TEST_F(EmbedderGolden, HowTextsShareAPassChangesNothing) {
  const std::vector<double> one = embedder({.step_tokens = 1}).embed(texts_).vectors.values();
  const std::vector<double> all = embedder({.step_tokens = 4096}).embed(texts_).vectors.values();
  EXPECT_THAT(one, Pointwise(DoubleNear(1e-5), all));
}

TEST_F(EmbedderGolden, LengthsThatTheModelCannotReadAreRefused) {
  EXPECT_THROW(embedder({.longest = 0}), Error);
  EXPECT_THROW(embedder({.longest = 33}), Error);
  EXPECT_EQ(embedder({.longest = 32}).longest(), 32);
}

TEST_F(EmbedderGolden, StopsWhenAsked) {
  const Embedder embedder = this->embedder();
  Interrupt::request(2);
  EXPECT_THROW(embedder.embed(texts_), Interrupted);
  Interrupt::reset();
}

TEST_F(EmbedderWithLayers, LayersStandBetweenPoolingAndNormalization) {
  const Embedder embedder = this->embedder();
  EXPECT_EQ(embedder.width(), 5);
  EXPECT_THAT(embedder.embed(texts_).vectors.values(),
              Pointwise(DoubleNear(kTolerance), expected("files")));
}

TEST_F(EmbedderWithLayers, AFolderWrittenAndReadAgainGivesTheSameVectors) {
  const TemporaryFolder out;
  const Embedder embedder = this->embedder();
  save_hf_folder(embedder.encoder(), out.path() / "model", DType::f32);
  const Embedder again(load_encoder((out.path() / "model").string()));
  EXPECT_EQ(again.embed(texts_).vectors.values(), embedder.embed(texts_).vectors.values());
}

TEST_F(EmbedderWithLayers, GgufHasNoPlaceForThem) {
  const TemporaryFolder out;
  EXPECT_THROW(save_gguf(embedder().encoder(), out.path() / "model.gguf", DType::f32), Error);
}

TEST_F(EmbedderWithLayers, LayersThatDoNotFitTheStatesAreRefused) {
  LoadedEncoder encoder = load_encoder((folder_ / "model").string());
  encoder.sentences.layers.erase(encoder.sentences.layers.begin());
  try {
    Embedder{encoder};
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("3_Dense reads vectors of 7 features"));
  }
}

// `sentence_vectors.py FOLDER --model MODEL --pairs FILE` writes what this reads.
TEST(EmbedderOfARealModel, CosinesOfPairsEqualThoseOfSentenceTransformers) {
  const char* folder = std::getenv("BANTAM_GOLDEN_SENTENCES");
  if (folder == nullptr) GTEST_SKIP() << "BANTAM_GOLDEN_SENTENCES names no folder";
  const Json golden = parse_json(read_file(Path(folder) / "golden.json"));
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const auto expected = golden["cosines"].get<std::vector<double>>();
  set_matmul_precision(cpu_multiplies_integers() ? MatmulPrecision::i16 : MatmulPrecision::f32);
  const Embedder embedder(load_encoder((Path(folder) / "model").string()));
  embedder.embed(std::span(texts).subspan(0, 64));  // warm
  const auto start = std::chrono::steady_clock::now();
  const Tensor vectors = embedder.embed(texts).vectors;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  set_matmul_precision(MatmulPrecision::automatic);
  double apart = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto pair = static_cast<std::int64_t>(2 * i);
    const double cosine = cosine_similarities(slice(vectors, 0, pair, pair + 2)).values()[1];
    apart = std::max(apart, std::abs(cosine - expected[i]));
  }
  EXPECT_LE(apart, 1e-4);
  std::cout << expected.size() << " pairs: at most " << apart << " apart; " << texts.size()
            << " texts in " << seconds << " s\n";
}

LoadedEncoder tiny_causal() {
  LoadedEncoder encoder;
  encoder.model = tiny_model(264);
  encoder.tokenizer = tiny_tokenizer();
  encoder.name = "tiny";
  return encoder;
}

TEST(EmbedderOfACausalModel, TakesTheLastToken) {
  const Embedder embedder(tiny_causal());
  EXPECT_EQ(embedder.pooling(), Pooling::last);
  const std::vector<std::string> texts = {"one text", "the other"};
  const Tensor found = embedder.embed(texts).vectors;
  const std::vector<std::vector<std::int32_t>> ids = {tiny_tokenizer()->encode(texts[1]).ids};
  const std::vector<double> states = tiny_model(264)->hidden(make_batch(ids)).values();
  const std::vector<double> last(states.end() - 16, states.end());
  const std::vector<double> values = found.values();
  EXPECT_THAT(std::vector<double>(values.begin() + 16, values.end()),
              Pointwise(DoubleNear(1e-5), last));
}

TEST(EmbedderOfACausalModel, ATextOfNoTokensIsNamed) {
  const std::vector<std::string> texts = {"one", ""};
  try {
    Embedder(tiny_causal()).embed(texts);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("text 2"));
  }
}

TEST(CosineSimilarities, AreThoseOfTheRows) {
  const Tensor x = Tensor::from(std::vector<float>{1, 0, 3, 3, 0, 0}, {3, 2});
  EXPECT_THAT(cosine_similarities(x).values(),
              Pointwise(DoubleNear(1e-6),
                        std::vector<double>{1, std::sqrt(0.5), 0, std::sqrt(0.5), 1, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace bantam
