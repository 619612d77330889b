// Text encoders from the command line: shown and converted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"
#include "tests/model/tiny_model_folder.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class EncoderCommands : public testing::Test {
 protected:
  ProcessResult convert(const std::string& model, const std::string& out,
                        const std::string& type = "f32") const {
    return bantam_({"model", "convert", model, "--type", type, "-o", (home_ / out).string()});
  }

  BantamProgram bantam_;
  Path home_ = bantam_.home().path();
  std::string model_ = write_tiny_folder(home_ / "bert", "encoders/bert", letters_of_bert());
};

TEST_F(EncoderCommands, ConvertingThereAndBackKeepsTheStates) {
  const auto there = convert(model_, "bert.gguf");
  EXPECT_EQ(there.exit_code, 0) << there.error;
  EXPECT_THAT(there.output, HasSubstr("differ by 0 %"));
  const auto back = convert((home_ / "bert.gguf").string(), "again");
  EXPECT_EQ(back.exit_code, 0) << back.error;
  EXPECT_THAT(back.output, HasSubstr("differ by 0 %"));
}

TEST_F(EncoderCommands, PoolingGoesWithTheWeights) {
  std::filesystem::create_directories(home_ / "bert" / "1_Pooling");
  write_file_atomically(home_ / "bert" / "modules.json",
                        R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
          {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])");
  write_file_atomically(home_ / "bert" / "1_Pooling" / "config.json",
                        R"({"word_embedding_dimension": 8, "pooling_mode_cls_token": true})");
  EXPECT_EQ(convert(model_, "bert.gguf").exit_code, 0);
  EXPECT_EQ(convert((home_ / "bert.gguf").string(), "again").exit_code, 0);
  const Json pooling = parse_json(read_file(home_ / "again" / "1_Pooling" / "config.json"));
  EXPECT_EQ(pooling["pooling_mode_cls_token"], true);
  EXPECT_EQ(pooling["pooling_mode_mean_tokens"], false);
}

TEST_F(EncoderCommands, AHeadStaysInAFolderAndIsRefusedForGguf) {
  const std::string head =
      write_tiny_folder(home_ / "head", "encoder_heads/bert-sequence", letters_of_bert('m'));
  const auto folder = convert(head, "again");
  EXPECT_EQ(folder.exit_code, 0) << folder.error;
  EXPECT_THAT(folder.output, HasSubstr("scores of the head differ by 0 %"));
  const auto gguf = convert(head, "head.gguf");
  EXPECT_NE(gguf.exit_code, 0);
  EXPECT_THAT(gguf.error, HasSubstr("no place for the head"));
}

TEST_F(EncoderCommands, ShowTellsAnEncoder) {
  const auto result = bantam_({"model", "show", model_});
  EXPECT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("encoder"));
  const Json card = parse_json(bantam_({"model", "show", model_, "--json"}).output);
  EXPECT_EQ(card["kind"], "encoder");
  EXPECT_EQ(card["warnings"], Json::array());
}

}  // namespace
}  // namespace bantam
