// Encoder-decoders from the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "tests/cli/run_bantam.h"
#include "tests/model/tiny_model_folder.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class Seq2SeqCommands : public testing::Test {
 protected:
  Json completion(std::vector<std::string> words) const {
    words.insert(words.begin(), {"generate", "-m", model_, "--json"});
    const auto result = bantam_(words);
    EXPECT_EQ(result.exit_code, 0) << result.error;
    return parse_json(result.output)["completions"];
  }

  BantamProgram bantam_;
  Path home_ = bantam_.home().path();
  std::string model_ = write_tiny_folder(home_ / "t5", "seq2seq/t5", letters_of_t5());
};

TEST_F(Seq2SeqCommands, TheTextIsAnsweredGreedilyOrWithBeams) {
  const auto text = bantam_({"generate", "the harbor", "-m", model_, "--max-tokens", "6"});
  EXPECT_EQ(text.exit_code, 0) << text.error;
  const Json greedy = completion({"the harbor", "--max-tokens", "6"});
  EXPECT_EQ(greedy[0]["text"].get<std::string>() + "\n", text.output);
  EXPECT_LE(greedy[0]["tokens"].size(), 6U);
  const Json beams =
      completion({"the harbor", "--max-tokens", "6", "--decode", "beam:3", "--n", "3"});
  ASSERT_EQ(beams.size(), 3U);
  EXPECT_GE(beams[0]["score"], beams[1]["score"]);
}

TEST_F(Seq2SeqCommands, AnAnswerIsATextOfItsOwn) {
  const Json greedy = completion({"the harbor", "--max-tokens", "12"});
  const auto text = greedy[0]["text"].get<std::string>();
  EXPECT_FALSE(text.starts_with(' ')) << text;
}

TEST_F(Seq2SeqCommands, OtherTextsHaveOtherAnswers) {
  EXPECT_NE(completion({"the harbor"}), completion({"ferry"}));
}

TEST_F(Seq2SeqCommands, RowsAreAnsweredInOrder) {
  write_file_atomically(home_ / "rows.jsonl",
                        "{\"id\":\"a\",\"prompt\":\"one\",\"completion\":\"x\"}\n"
                        "{\"id\":\"b\",\"text\":\"two\"}\n");
  const auto result = bantam_({"generate", "--data", (home_ / "rows.jsonl").string(), "-m", model_,
                               "--max-tokens", "4", "-o", (home_ / "out.jsonl").string()});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const std::string rows = read_file(home_ / "out.jsonl");
  EXPECT_THAT(rows, HasSubstr("\"id\":\"a\""));
  EXPECT_LT(rows.find("\"id\":\"a\""), rows.find("\"id\":\"b\""));
}

TEST_F(Seq2SeqCommands, ItsFilesDecideAndAreTold) {
  Json defaults = parse_json(read_file(home_ / "t5" / "generation_config.json"));
  defaults.update(
      {{"num_beams", 2}, {"max_length", 4}, {"no_repeat_ngram_size", 3}, {"num_beam_groups", 2}});
  write_file_atomically(home_ / "t5" / "generation_config.json", dump_json(defaults));
  const auto result = bantam_({"generate", "the", "-m", model_, "--json"});
  EXPECT_THAT(result.error,
              HasSubstr("asks for num_beams 2, max_length 4, no_repeat_ngram_size 3"));
  EXPECT_THAT(result.error, HasSubstr("num_beam_groups 2 (not applied)"));
  EXPECT_LE(parse_json(result.output)["completions"][0]["tokens"].size(), 3U);
}

TEST_F(Seq2SeqCommands, WhatASearchDoesNotDoIsRefused) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--temperature", "1"},
                                             {"--top-k", "3"},
                                             {"--top-p", "0.5"},
                                             {"--min-p", "0.1"},
                                             {"--typical-p", "0.5"},
                                             {"--decode", "sample"}}) {
    std::vector<std::string> all = {"generate", "the", "-m", model_};
    all.insert(all.end(), words.begin(), words.end());
    const auto result = bantam_(all);
    EXPECT_EQ(result.exit_code, 2) << words.front();
    EXPECT_THAT(result.error, HasSubstr("draws no samples")) << words.front();
  }
  EXPECT_EQ(bantam_({"generate", "the", "-m", model_, "--chat"}).exit_code, 2);
  EXPECT_EQ(bantam_({"generate", "the", "-m", model_, "--context", "9"}).exit_code, 2);
}

TEST_F(Seq2SeqCommands, AFolderWithoutATokenizerSaysSo) {
  std::filesystem::remove(home_ / "t5" / "tokenizer.json");
  const auto result = bantam_({"generate", "the", "-m", model_});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.error, HasSubstr("tokenizer.json is missing"));
}

TEST_F(Seq2SeqCommands, ConvertingThereAndBackKeepsTheAnswer) {
  const std::string file = (home_ / "t5.gguf").string(), folder = (home_ / "again").string();
  const auto there = bantam_({"model", "convert", model_, "--type", "f32", "-o", file});
  EXPECT_EQ(there.exit_code, 0) << there.error;
  EXPECT_THAT(there.output, HasSubstr("24 of 24 tokens of an answer are the same"));
  const auto back = bantam_({"model", "convert", file, "--type", "f32", "-o", folder});
  EXPECT_EQ(back.exit_code, 0) << back.error;
  EXPECT_THAT(back.output, HasSubstr("differ by at most 0.0000 nats, 24 of 24 tokens"));
  const auto answer = [&](const std::string& model) {
    return bantam_({"generate", "a ferry", "-m", model, "--max-tokens", "12"}).output;
  };
  EXPECT_EQ(answer(file), answer(model_));
  EXPECT_EQ(answer(folder), answer(model_));
}

TEST_F(Seq2SeqCommands, AFamilyWithoutAGgufFormBecomesAFolder) {
  const std::string bart = write_tiny_folder(home_ / "bart", "seq2seq/bart", letters_of_t5());
  EXPECT_NE(bantam_({"model", "convert", bart, "-o", (home_ / "b.gguf").string()}).exit_code, 0);
  const auto result =
      bantam_({"model", "convert", bart, "--type", "f32", "-o", (home_ / "b").string()});
  EXPECT_EQ(result.exit_code, 0) << result.error;
}

TEST_F(Seq2SeqCommands, ShowTellsBothStacks) {
  const auto result = bantam_({"model", "show", model_});
  EXPECT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("encoder-decoder"));
  EXPECT_THAT(result.output, HasSubstr("Decoder"));
  const Json card = parse_json(bantam_({"model", "show", model_, "--json"}).output);
  EXPECT_EQ(card["kind"], "encoder-decoder");
  EXPECT_TRUE(card["encoder"].contains("layers"));
  EXPECT_EQ(card["tokenizer"]["vocabulary"], 31);
}

}  // namespace
}  // namespace bantam
