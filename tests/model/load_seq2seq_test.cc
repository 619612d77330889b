// Encoder-decoders with their tokenizers: from a folder, from a GGUF file, with adapters.
#include "bantam/model/load_seq2seq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/model/load_model.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"
#include "bantam/model/save_model.h"
#include "tests/base/temporary_folder.h"
#include "tests/model/tiny_model_folder.h"

namespace bantam {
namespace {

class LoadSeq2Seq : public testing::Test {
 protected:
  TemporaryFolder home_;
  Path folder_ = write_tiny_folder(home_.path() / "t5", "seq2seq/t5", letters_of_t5());
};

TEST_F(LoadSeq2Seq, AFolderComesWithNameAndTokenizer) {
  const LoadedSeq2Seq loaded = load_seq2seq(ModelReference{folder_.string(), folder_});
  EXPECT_EQ(loaded.name, "t5");
  EXPECT_EQ(loaded.path, folder_);
  EXPECT_EQ(loaded.tokenizer->model_input("the a").ids, (std::vector<std::int32_t>{30, 3, 4, 1}));
  EXPECT_EQ(kind_of_model(folder_), ModelKind::encoder_decoder);
}

TEST_F(LoadSeq2Seq, AGgufFileHasTheSameTokensAndTokenizer) {
  const LoadedSeq2Seq loaded = load_seq2seq(folder_);
  const Path file = home_.path() / "t5.gguf";
  save_gguf(loaded, file, DType::f32);
  const LoadedSeq2Seq again = load_seq2seq(file);
  EXPECT_EQ(kind_of_model(file), ModelKind::encoder_decoder);
  EXPECT_EQ(again.tokens.to_json(), loaded.tokens.to_json());
  for (const char* text : {"the harbor", "  two  spaces ", "", "a\u00e9b", "THE the"}) {
    EXPECT_EQ(again.tokenizer->model_input(text).ids, loaded.tokenizer->model_input(text).ids)
        << text;
  }
  const std::vector<std::int32_t> ids = {30, 3, 4, 5, 3, 6};
  EXPECT_EQ(again.tokenizer->decode(ids), loaded.tokenizer->decode(ids));
}

TEST_F(LoadSeq2Seq, RowsThatPadTheTableAreNoTokensOfAFolder) {
  const Path file = home_.path() / "t5.gguf", folder = home_.path() / "again";
  save_gguf(load_seq2seq(folder_), file, DType::f32);
  save_seq2seq(load_seq2seq(file), folder, DType::f32);
  const LoadedSeq2Seq again = load_seq2seq(folder);
  EXPECT_EQ(again.model->config().vocabulary, 61);
  EXPECT_EQ(again.tokenizer->vocabulary_size(), 31);
}

// What their tokenizers do, no tokenizer.json can say.
TEST_F(LoadSeq2Seq, AFolderOfMarianOrM2m100KeepsTheFilesOfItsTokenizer) {
  const Path golden = Path(BANTAM_SOURCE_DIR) / "tests/golden/model";
  for (const char* family : {"marian", "m2m_100"}) {
    LoadedSeq2Seq loaded = load_seq2seq(golden / "seq2seq" / family);
    loaded.path = golden / "legacy_tokenizers" / family;
    loaded.tokenizer = load_tokenizer(loaded.path);
    const Path folder = home_.path() / family;
    save_seq2seq(loaded, folder, DType::f32);
    EXPECT_FALSE(std::filesystem::exists(folder / "tokenizer.json")) << family;
    const auto again = load_tokenizer(folder);
    for (const char* text : {"The harbor was quiet.", "  two  spaces ", "", "D\u00e9j\u00e0 vu"}) {
      EXPECT_EQ(again->model_input(text).ids, loaded.tokenizer->model_input(text).ids) << text;
    }
  }
}

TEST_F(LoadSeq2Seq, WithoutGenerationConfigTheModelsOwnSays) {
  Json config = parse_json(read_file(folder_ / "config.json"));
  config["num_beams"] = 4;
  write_file_atomically(folder_ / "config.json", dump_json(config));
  EXPECT_FALSE(load_seq2seq(folder_).generation_defaults.contains("num_beams"));
  std::filesystem::remove(folder_ / "generation_config.json");
  EXPECT_EQ(load_seq2seq(folder_).generation_defaults, Json({{"num_beams", 4}}));
}

TEST_F(LoadSeq2Seq, AdaptersOfTheReferenceAreAttached) {
  LoadedModel base;
  base.model = load_seq2seq(folder_).model;
  base.name = "t5";
  const Path adapter = home_.path() / "adapter";
  save_peft_adapter(base, *base.model->make_adapter("new", {.rank = 2}, 1), adapter);
  const LoadedSeq2Seq loaded = load_seq2seq(ModelReference{"", folder_, {{adapter, 0.5}}});
  ASSERT_EQ(loaded.model->adapters().size(), 1U);
  EXPECT_EQ(loaded.model->adapters().front()->gate.value, 0.5);
}

TEST_F(LoadSeq2Seq, WithoutATokenizerThereAreTokensButNoTexts) {
  std::filesystem::remove(folder_ / "tokenizer.json");
  EXPECT_EQ(load_seq2seq(folder_).tokenizer, nullptr);
  EXPECT_THROW(load_seq2seq(ModelReference{"", folder_}), Error);
}

TEST_F(LoadSeq2Seq, ATokenizerOfAnotherModelIsRefused) {
  Json tokenizer = letters_of_t5();
  for (int i = 0; i < 40; ++i) {
    tokenizer["model"]["vocab"].push_back({"x" + std::to_string(i), -9.0});
  }
  write_file_atomically(folder_ / "tokenizer.json", dump_json(tokenizer));
  EXPECT_THROW(load_seq2seq(ModelReference{"", folder_}), Error);
}

}  // namespace
}  // namespace bantam
