// Files that are well formed but state numbers or tensors that no model can have: what is said
// about them before anything is computed (G14 to G16, T4 of the catalogue of bad inputs).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <set>

#include "bantam/base/json.h"
#include "bantam/model/gguf.h"
#include "bantam/model/load_model.h"
#include "bantam/model/save_model.h"
#include "tests/base/expect_error.h"
#include "tests/base/temporary_folder.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kLayers = 2;

class HostileModel : public testing::Test {
 protected:
  void SetUp() override {
    save_gguf(tiny_loaded(), folder_.path() / "good.gguf", DType::f32);
    good_ = GgufFile::open(folder_.path() / "good.gguf");
  }

  /// The good file with other values of some keys, without some tensors, and with one more.
  std::string file_with(const std::map<std::string, GgufValue>& keys,
                        const std::set<std::string>& left_out = {},
                        const std::string& extra = "") const {
    GgufWriter writer;
    for (const auto& [key, value] : good_->metadata()) writer.set(key, value);
    for (const auto& [key, value] : keys) writer.set(key, value);
    for (const GgufTensorInfo& info : good_->tensors()) {
      if (!left_out.contains(info.name)) writer.add(info.name, good_->tensor(info.name));
    }
    if (!extra.empty()) writer.add(extra, Tensor::full({3}, 1));
    const Path path = folder_.path() / "bad.gguf";
    writer.write(path);
    return path.string();
  }

  std::string refusal(const std::map<std::string, GgufValue>& keys,
                      Error::Kind kind = Error::Kind::input) const {
    try {
      (void)load_model(file_with(keys));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      EXPECT_THAT(error.what(), HasSubstr("bad.gguf"));
      return error.what();
    }
    return "nothing was refused";
  }

  TemporaryFolder folder_;
  std::shared_ptr<const GgufFile> good_;
};

TEST_F(HostileModel, TheFileItselfLoads) {
  EXPECT_THAT(load_model(file_with({})).warnings, IsEmpty());
}

TEST_F(HostileModel, HeadsThatCannotBe) {  // G14
  const std::string heads = "llama.attention.head_count";
  EXPECT_THAT(refusal({{heads, std::uint32_t{0}}}), HasSubstr("attention heads is 0"));
  EXPECT_THAT(refusal({{heads + "_kv", std::uint32_t{0}}}), HasSubstr("key/value heads is 0"));
  EXPECT_THAT(refusal({{heads + "_kv", std::uint32_t{3}}}),
              AllOf(HasSubstr("4 attention heads"), HasSubstr("3 key/value heads")));
  EXPECT_THAT(refusal({{heads, std::uint32_t{8}}}),
              AllOf(HasSubstr("[16, 16]"), HasSubstr("[32, 16]")));
  EXPECT_THAT(refusal({{"llama.attention.key_length", std::uint32_t{5}},
                       {"llama.rope.dimension_count", std::uint32_t{5}}}),
              HasSubstr("head width 5 is odd"));
}

TEST_F(HostileModel, HeadsOfLayersThatCannotBe) {
  const auto heads = [](std::vector<std::int32_t> numbers) {
    return std::map<std::string, GgufValue>{
        {"llama.attention.head_count", GgufArray{std::move(numbers)}}};
  };
  EXPECT_THAT(refusal(heads({4, 4, 4})),
              AllOf(HasSubstr("head_count"), HasSubstr("3 numbers for 2 layers")));
  EXPECT_THAT(refusal(heads({4, 0})), HasSubstr("layer 1 is 0"));
  EXPECT_THAT(refusal(heads({4, -4})), HasSubstr("layer 1 is -4"));
  EXPECT_THAT(refusal(heads({4, 2})), AllOf(HasSubstr("layers.1.attn.q"), HasSubstr("[8, 16]")));
  EXPECT_THAT(refusal(heads({})), HasSubstr("0 numbers for 2 layers"));
}

TEST_F(HostileModel, RotationsThatCannotBe) {  // G14
  for (const float base : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(refusal({{"llama.rope.freq_base", base}}), HasSubstr("rope base is")) << base;
  }
}

TEST_F(HostileModel, NormsThatCannotBe) {
  for (const float epsilon : {0.0f, -1e-5f, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THAT(refusal({{"llama.attention.layer_norm_rms_epsilon", epsilon}}),
                HasSubstr("norm epsilon is"))
        << epsilon;
  }
}

TEST_F(HostileModel, AVocabularyOfAnotherSizeThanTheEmbedding) {  // G14
  EXPECT_THAT(refusal({{"llama.vocab_size", std::uint32_t{7}}}),
              AllOf(HasSubstr("llama.vocab_size is 7"), HasSubstr("token_embd.weight has")));
}

TEST_F(HostileModel, CountsPastAllBounds) {  // G15
  // Exit 4 with needed and available bytes.
  EXPECT_THAT(refusal({{"llama.block_count", std::uint32_t{1} << 31}}, Error::Kind::resources),
              AllOf(HasSubstr("layers is 2147483648; expected 1 to 4,096"), HasSubstr("TiB"),
                    HasSubstr("are available")));
  EXPECT_THAT(refusal({{"llama.context_length", std::uint64_t{1} << 40}}, Error::Kind::resources),
              AllOf(HasSubstr("TiB"), HasSubstr("available")));
  EXPECT_THAT(refusal({{"llama.block_count", std::uint32_t{5000}}}), HasSubstr("layers is 5000"));
  EXPECT_THAT(refusal({{"llama.block_count", std::uint32_t{0}}}), HasSubstr("layers is 0"));
  EXPECT_THAT(refusal({{"llama.embedding_length", std::uint64_t{1} << 62}}), HasSubstr("width is"));
  EXPECT_THAT(refusal({{"llama.embedding_length", std::uint64_t{1} << 63}}),
              AllOf(HasSubstr("llama.embedding_length"), HasSubstr("9223372036854775808")));
  EXPECT_THAT(refusal({{"llama.feed_forward_length", std::uint64_t{1} << 40}}),
              HasSubstr("feed-forward width is"));
}

TEST_F(HostileModel, ExpertsThatCannotBe) {  // G14
  EXPECT_THAT(refusal({{"llama.expert_count", std::uint32_t{2}},
                       {"llama.expert_used_count", std::uint32_t{3}}}),
              AllOf(HasSubstr("llama.expert_count is 2"), HasSubstr("no tensors of experts")));
}

TEST_F(HostileModel, MissingTensorsAreListed) {  // G16
  std::set<std::string> norms;
  for (int layer = 0; layer < kLayers; ++layer) {
    for (const char* name : {"attn_norm", "ffn_norm", "attn_output"}) {
      norms.insert(fmt::format("blk.{}.{}.weight", layer, name));
    }
  }
  EXPECT_ERROR(load_model(file_with({}, norms)), input, "bad.gguf", "6 tensors are missing",
               "blk.0.attn_norm.weight", "…");
}

TEST_F(HostileModel, ExtraTensorsWarn) {  // G16
  const LoadedModel loaded = load_model(file_with({}, {}, "blk.0.attn_extra.weight"));
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_THAT(loaded.warnings[0], AllOf(HasSubstr("1 tensors are not part of the llama family"),
                                        HasSubstr("blk.0.attn_extra.weight")));
}

TEST_F(HostileModel, MoreTokensThanRows) {  // T4
  auto tokens = good_->require_strings("tokenizer.ggml.tokens");
  std::vector<std::int32_t> types(tokens.size() + 1, 1);
  tokens.push_back("one more");
  EXPECT_THAT(refusal({{"tokenizer.ggml.tokens", GgufArray{tokens}},
                       {"tokenizer.ggml.token_type", GgufArray{types}}}),
              AllOf(HasSubstr("embedding table only"), HasSubstr("belong to different models")));
}

// Folders say the same things in config.json.
TEST_F(HostileModel, ConfigurationsThatCannotBe) {
  const Path folder = folder_.path() / "hf";
  save_hf_folder(tiny_loaded(), folder, DType::f32);
  const Json good = parse_json(read_file(folder / "config.json"));
  const auto said = [&](const char* key, const Json& value, Error::Kind kind = Error::Kind::input) {
    Json bad = good;
    bad[key] = value;
    write_file_atomically(folder / "config.json", dump_json(bad));
    try {
      (void)load_model(folder.string());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      EXPECT_THAT(error.what(), HasSubstr("hf"));
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  EXPECT_THAT(said("num_attention_heads", 0), HasSubstr("attention heads is 0"));
  EXPECT_THAT(said("num_key_value_heads", 3),
              HasSubstr("4 attention heads are not a multiple of 3"));
  EXPECT_THAT(said("num_hidden_layers", std::int64_t{1} << 31, Error::Kind::resources),
              HasSubstr("layers is 2147483648"));
  EXPECT_THAT(said("num_hidden_layers", 2.5),
              AllOf(HasSubstr("num_hidden_layers"), HasSubstr("should be an integer, found 2.5")));
  EXPECT_THAT(
      said("hidden_size", "16"),
      AllOf(HasSubstr("hidden_size"), HasSubstr("should be an integer, found the text '16'")));
  EXPECT_THAT(said("vocab_size", 7), HasSubstr("vocabulary 7 tokens"));
  EXPECT_THAT(said("rms_norm_eps", -1), HasSubstr("norm epsilon is -1"));
  EXPECT_THAT(said("hidden_act", "swoosh"), HasSubstr("hidden_act is 'swoosh'"));
  EXPECT_THAT(said("model_type", "mamba"), HasSubstr("'mamba'"));
}

}  // namespace
}  // namespace bantam
