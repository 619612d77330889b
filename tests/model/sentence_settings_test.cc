#include "bantam/model/sentence_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/model/gguf.h"
#include "bantam/model/safetensors.h"
#include "tests/base/temporary_folder.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class SentenceFiles : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    const Path file = folder_.path() / name;
    std::filesystem::create_directories(file.parent_path());
    write_file_atomically(file, text);
  }
  void write_modules(const std::string& third) const {
    write("modules.json",
          R"([{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
      {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})" +
              third + "]");
  }
  SentenceSettings read() const { return read_sentence_settings(folder_.path()); }
  std::string error() const {
    try {
      read();
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  }

  TemporaryFolder folder_;
};

TEST_F(SentenceFiles, AFolderWithoutThemStatesNothing) {
  const SentenceSettings settings = read();
  EXPECT_FALSE(settings.pooling);
  EXPECT_FALSE(settings.normalize);
  EXPECT_FALSE(settings.longest);
  EXPECT_EQ(settings.prompt, "");
}

TEST_F(SentenceFiles, OlderAndNewerPoolingFilesAreRead) {
  write_modules(R"(, {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"})");
  write(
      "1_Pooling/config.json",
      R"({"word_embedding_dimension": 4, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  EXPECT_EQ(read().pooling, Pooling::first);
  EXPECT_EQ(read().normalize, true);
  write("1_Pooling/config.json", R"({"pooling_mode": "lasttoken"})");
  EXPECT_EQ(read().pooling, Pooling::last);
}

TEST_F(SentenceFiles, LengthAndDefaultPromptAreRead) {
  write("sentence_bert_config.json", R"({"max_seq_length": 77, "do_lower_case": false})");
  write("config_sentence_transformers.json",
        R"({"prompts": {"query": "query: "}, "default_prompt_name": "query"})");
  EXPECT_EQ(read().longest, 77);
  EXPECT_EQ(read().prompt, "query: ");
}

TEST_F(SentenceFiles, TheTokenizersLengthCountsWhereNoOtherIsStated) {
  write("tokenizer_config.json", R"({"model_max_length": 1e30})");
  EXPECT_FALSE(read().longest);
  write("tokenizer_config.json", R"({"model_max_length": 128})");
  EXPECT_EQ(read().longest, 128);
  write("sentence_bert_config.json", R"({"max_seq_length": 77})");
  EXPECT_EQ(read().longest, 77);
}

TEST_F(SentenceFiles, WhatWouldChangeVectorsAndIsNotKnownIsRefused) {
  write("1_Pooling/config.json",
        R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})");
  write_modules("");
  EXPECT_THAT(error(), HasSubstr("several kinds"));
  write("1_Pooling/config.json", R"({"pooling_mode_weightedmean_tokens": true})");
  EXPECT_THAT(error(), HasSubstr("pooling_mode_weightedmean_tokens"));
  write("1_Pooling/config.json", R"({"pooling_mode": "mean"})");
  write_modules(R"(, {"path": "2_CNN", "type": "sentence_transformers.models.CNN"})");
  EXPECT_THAT(error(), HasSubstr("'CNN'"));
  write("modules.json",
        R"([{"path": "../other", "type": "sentence_transformers.models.Pooling"}])");
  EXPECT_THAT(error(), HasSubstr("out of the folder"));
  write("modules.json", "[]");
  write("sentence_bert_config.json", R"({"do_lower_case": true})");
  EXPECT_THAT(error(), HasSubstr("do_lower_case"));
}

constexpr const char* kDense = R"(, {"path": "2_Dense", "type": "models.Dense"})";

class DenseFiles : public SentenceFiles {
 protected:
  DenseFiles() {
    write("1_Pooling/config.json", R"({"pooling_mode": "mean"})");
    write_modules(kDense);
  }
  void write_dense(const std::string& more, const Shape& weight = {2, 3}) const {
    write("2_Dense/config.json",
          R"({"in_features": 3, "out_features": 2, "bias": false)" + more + "}");
    const std::vector<std::pair<std::string, Tensor>> weights = {
        {"linear.weight", Tensor::zeros(weight)}};
    write_safetensors(folder_.path() / "2_Dense/model.safetensors", weights);
  }
};

TEST_F(DenseFiles, ADenseLayerIsRead) {
  write_dense("");
  const SentenceSettings settings = read();
  ASSERT_EQ(settings.layers.size(), 1u);
  EXPECT_EQ(settings.layers[0].inputs(), 3);
  EXPECT_EQ(settings.layers[0].outputs(), 2);
  EXPECT_EQ(settings.layers[0].activation, Activation::tanh);  // as sentence-transformers has it
}

TEST_F(DenseFiles, WhatItDoesNotKnowIsRefused) {
  write_dense(R"(, "activation_function": "torch.nn.modules.activation.Sigmoid")");
  EXPECT_THAT(error(), HasSubstr("Sigmoid"));
  write_dense(R"(, "use_residual": true)");
  EXPECT_THAT(error(), HasSubstr("use_residual"));
  write_dense(R"(, "module_input_name": "token_embeddings")");
  EXPECT_THAT(error(), HasSubstr("token_embeddings"));
  write_dense("", {3, 2});
  EXPECT_THAT(error(), HasSubstr("linear.weight is [3, 2]"));
  std::filesystem::remove(folder_.path() / "2_Dense/model.safetensors");
  EXPECT_THAT(error(), HasSubstr("save the model with a recent sentence-transformers"));
}

TEST_F(DenseFiles, LayersElsewhereThanBetweenPoolingAndNormalizationAreRefused) {
  write_dense("");
  write_modules(R"(, {"path": "3_Normalize", "type": "models.Normalize"})" + std::string(kDense));
  EXPECT_THAT(error(), HasSubstr("behind Normalize"));
  write("modules.json", R"([{"path": "2_Dense", "type": "models.Dense"}])");
  EXPECT_THAT(error(), HasSubstr("in front of Pooling"));
}

TEST(SentenceSettingsOfGguf, PoolingTypeIsRead) {
  const TemporaryFolder folder;
  GgufWriter writer;
  writer.set("general.architecture", std::string("bert"));
  writer.set("bert.pooling_type", std::uint32_t{2});
  writer.write(folder.path() / "model.gguf");
  EXPECT_EQ(sentence_settings_of(*GgufFile::open(folder.path() / "model.gguf")).pooling,
            Pooling::first);
}

}  // namespace
}  // namespace bantam
