// Encoder-decoders and encoders from the command line: trained, used, and refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/json.h"
#include "bantam/model/load_classifier.h"
#include "bantam/model/save_model.h"
#include "tests/cli/encoder_training.h"
#include "tests/cli/tiny_model_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class TrainEncoders : public EncoderTraining {
 protected:
  // Texts of "a" and "b" in which one letter is more frequent, the label being that letter's name.
  std::string labelled_rows() const {
    std::string lines;
    for (int i = 0; i < 60; ++i) {
      const std::string often(1, i % 2 == 0 ? 'a' : 'b'), rare(1, i % 2 == 0 ? 'b' : 'a');
      std::string text;
      for (int word = 0; word < 6; ++word) {
        text += (word == i / 2 % 6 ? rare : often) + (word % 3 == i % 3 ? "c " : " ");
      }
      lines += dump_json(Json{{"id", fmt::format("row-{}", i)},
                              {"text", text},
                              {"label", i % 2 == 0 ? "alpha" : "beta"}}) +
               "\n";
    }
    return written("labelled.jsonl", lines);
  }

  std::string answered_rows() const {
    return written("answered.jsonl", R"({"prompt":"one","completion":"bell"}
{"prompt":"two","completion":"drum"}
)");
  }

  std::string t5_ = write_tiny_folder(home_ / "t5", "seq2seq/t5", letters_of_t5());
};

TEST_F(TrainEncoders, AnEncoderDecoderLearnsItsAnswers) {
  const auto result = train(t5_, answered_rows(), "out", long_run_);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("try it: bantam generate -m " + path("out") + " TEXT"));
  for (const auto& [prompt, answer] : {std::pair("one", "bell"), std::pair("two", "drum")}) {
    EXPECT_EQ(bantam_({"generate", prompt, "-m", path("out")}).output, std::string(answer) + "\n");
  }
}

TEST_F(TrainEncoders, AnAdapterOfAnEncoderDecoderLearnsThem) {
  const auto result =
      train(t5_, answered_rows(), "out",
            {"--lr", "3e-2", "--steps", "500", "--objective", "seq2seq:label_smoothing=0.05"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(parse_json(read_file(home_ / "out/adapter_config.json"))["task_type"], "SEQ_2_SEQ_LM");
  const std::string both = t5_ + "+" + path("out");
  EXPECT_EQ(bantam_({"generate", "two", "-m", both}).output, "drum\n");

  const auto merged = bantam_({"model", "apply", both, "--type", "f32", "-o", path("merged")});
  ASSERT_EQ(merged.exit_code, 0) << merged.error;
  EXPECT_THAT(merged.output, HasSubstr("24 of 24 tokens of an answer are the same"));
  EXPECT_EQ(bantam_({"generate", "two", "-m", path("merged")}).output, "drum\n");
}

TEST_F(TrainEncoders, AnEncoderLearnsToLabel) {
  const auto result = train(bert_, labelled_rows(), "out", long_run_);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.error,
              HasSubstr("a new head for 2 labels, in alphabetical order: alpha, beta"));
  EXPECT_THAT(result.error, HasSubstr("dev loss"));
  EXPECT_THAT(result.output, HasSubstr("on 10 dev rows: accuracy 1.000"));
  const Json config = parse_json(read_file(home_ / "out/config.json"));
  EXPECT_EQ(config["architectures"], Json::array({"BertForSequenceClassification"}));
  EXPECT_EQ(config["id2label"], (Json{{"0", "alpha"}, {"1", "beta"}}));
  EXPECT_EQ(config["label2id"], (Json{{"alpha", 0}, {"beta", 1}}));

  const auto one = bantam_({"predict", "classify", "a a a ac a b", "-m", path("out")});
  EXPECT_EQ(one.exit_code, 0) << one.error;
  EXPECT_LT(one.output.find("alpha"), one.output.find("beta")) << one.output;
  const Json json =
      parse_json(bantam_({"predict", "classify", "b b b b a", "-m", path("out"), "--json"}).output);
  EXPECT_EQ(json["prediction"], "beta");
  EXPECT_NEAR(json["scores"]["alpha"].get<double>() + json["scores"]["beta"].get<double>(), 1,
              2e-6);  // each is rounded to six digits
  const auto rows = bantam_({"predict", "classify", "-m", path("out"), "--data", labelled_rows()});
  EXPECT_THAT(rows.error, HasSubstr("on 60 labelled rows: accuracy 1.000, macro-F1 1.000"));
  EXPECT_THAT(rows.output, HasSubstr(R"("id":"row-59")"));
}

TEST_F(TrainEncoders, AnEncoderLearnsAllLabelsThatApply) {
  std::string lines;
  for (int i = 0; i < 64; ++i) {
    Json labels = Json::array();
    std::string text = "m";
    for (int bit = 0; bit < 3; ++bit) {
      const std::string letter(1, static_cast<char>('a' + bit));
      if ((i >> bit) % 2 == 0) continue;
      labels.push_back("has " + letter);
      text += " " + letter + (i / 8 % 2 == 0 ? " " + letter : "");
    }
    lines += dump_json(Json{{"text", text + std::string(i / 16, 'n')}, {"labels", labels}}) + "\n";
  }
  const std::string rows = written("sets.jsonl", lines);
  const auto result = train(bert_, rows, "out", {"--full", "--lr", "1e-2", "--steps", "120"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.error,
              HasSubstr("a new head for 3 labels that each apply or not, in alphabetical order: "
                        "has a, has b, has c"));
  EXPECT_THAT(result.output, HasSubstr("dev rows: micro-F1 "));
  EXPECT_EQ(parse_json(read_file(home_ / "out/config.json"))["problem_type"],
            "multi_label_classification");
  const auto found = bantam_({"predict", "classify", "-m", path("out"), "--data", rows});
  EXPECT_THAT(found.error,
              HasSubstr("on 64 labelled rows: micro-F1 1.000, all labels right 1.000"));

  ASSERT_EQ(train(bert_, labelled_rows(), "exclusive", {"--steps", "2", "--full"}).exit_code, 0);
  const auto refused = train(path("exclusive"), rows, "second");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.error, HasSubstr("sets.jsonl:1: any number of labels may apply"));
}

TEST_F(TrainEncoders, AnAdapterBringsItsHead) {
  const auto result = train(bert_, labelled_rows(), "out", {"--lr", "2e-2", "--steps", "300"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const Json config = parse_json(read_file(home_ / "out/adapter_config.json"));
  EXPECT_EQ(config["task_type"], "SEQ_CLS");
  EXPECT_EQ(config["modules_to_save"], Json::array({"bert.pooler.dense", "classifier"}));
  const std::string reference = bert_ + "+" + path("out");
  const auto rows = bantam_({"predict", "classify", "-m", reference, "--data", labelled_rows()});
  EXPECT_THAT(rows.error, HasSubstr("on 60 labelled rows: accuracy 1.000"));
}

TEST_F(TrainEncoders, AnAdapterIsFoldedInWithItsHead) {
  ASSERT_EQ(train(bert_, labelled_rows(), "out", {"--lr", "2e-2", "--steps", "20"}).exit_code, 0);
  const std::string both = bert_ + "+" + path("out");
  const auto merged = bantam_(
      {"model", "apply", bert_, "--adapter", path("out"), "--type", "f32", "-o", path("merged")});
  ASSERT_EQ(merged.exit_code, 0) << merged.error;
  EXPECT_THAT(merged.output, HasSubstr("scores of the head differ by"));
  const auto scores = [&](const std::string& model) {
    return bantam_({"predict", "classify", "a a b a c", "-m", model, "--json"});
  };
  EXPECT_EQ(parse_json(scores(path("merged")).output), parse_json(scores(both).output));

  // Vectors are those of the encoder with its adapter.
  const auto vectors = [&](const std::string& model) {
    return bantam_({"model", "embed", "a a b", "c b", "-m", model}).output;
  };
  EXPECT_THAT(vectors(both), HasSubstr("1.000"));
  EXPECT_EQ(vectors(both), vectors(path("merged")));
  EXPECT_NE(vectors(both), vectors(bert_));

  const auto refused = bantam_({"model", "apply", both, "-o", path("merged.gguf")});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.error,
              HasSubstr("GGUF has no place for the head, a "
                        "BertForSequenceClassification; expected a folder as --out"));
  EXPECT_FALSE(std::filesystem::exists(path("merged.gguf")));
  EXPECT_THAT(bantam_({"model", "apply", bert_, "-o", path("none")}).error,
              HasSubstr("no adapter was named"));
}

TEST_F(TrainEncoders, ARunThatHasEndedResumesToTheSameScores) {
  const auto first = train(bert_, labelled_rows(), "out", {"--steps", "20"});
  ASSERT_EQ(first.exit_code, 0) << first.error;
  const std::string weights = read_file(home_ / "out/adapter_model.safetensors");
  std::filesystem::remove(home_ / "out/adapter_model.safetensors");
  const auto again = bantam_({"train", "resume", path("out"), "--no-run"});
  ASSERT_EQ(again.exit_code, 0) << again.error;
  EXPECT_TRUE(read_file(home_ / "out/adapter_model.safetensors") == weights);
}

TEST_F(TrainEncoders, AHeadKeepsItsLabelsUnlessANewOneIsAskedFor) {
  ASSERT_EQ(train(bert_, labelled_rows(), "out", long_run_).exit_code, 0);
  const std::string other = written("other.jsonl", R"({"text":"a","label":"gamma"}
{"text":"b","label":"delta"}
)");
  const auto refused = train(path("out"), other, "second");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.error, HasSubstr("other.jsonl:1: label 'gamma' is not one of the model's 2: "
                                       "alpha, beta; --new-head"));
  const auto renewed = train(path("out"), other, "second", {"--new-head", "--steps", "2"});
  EXPECT_EQ(renewed.exit_code, 0) << renewed.error;
  EXPECT_THAT(renewed.error, HasSubstr("delta, gamma"));
}

TEST_F(TrainEncoders, WhatDoesNotGoTogetherIsRefused) {
  const std::string decoder = write_tiny_model(home_);
  const struct {
    std::vector<std::string> words;
    std::string rows, model, message;
    int code;
  } cases[] = {
      {{"--objective", "classify"},
       labelled_rows(),
       decoder,
       "--objective classify trains an encoder, but " + decoder +
           " is a decoder; use --objective pretrain or sft",
       2},
      {{"--objective", "sft"},
       labelled_rows(),
       bert_,
       "--objective sft trains a decoder, but " + bert_ +
           " is an encoder; use --objective classify",
       2},
      {{"--objective", "sft"}, answered_rows(), t5_, "use --objective seq2seq", 2},
      {{"--objective", "seq2seq:smooth=1"}, answered_rows(), t5_, "label_smoothing", 2},
      {{},
       labelled_rows(),
       t5_,
       "labelled.jsonl:1: expected a prompt-completion row (prompt and completion), found "
       "classification; --map OLD=NEW renames fields",
       3},
      {{},
       answered_rows(),
       bert_,
       "answered.jsonl:1: an encoder learns from rows with text and label, found "
       "prompt-completion",
       3},
      {{},
       written("one.jsonl", R"({"text":"a","label":"x"})"
                            "\n"),
       bert_,
       "the rows have one label, x",
       3},
      {{"--new-head"}, answered_rows(), t5_, "--new-head", 2},
      {{"--target-language", "fr"}, labelled_rows(), bert_, "is no encoder-decoder", 2},
  };
  for (const auto& one : cases) {
    const auto result = train(one.model, one.rows, "refused", one.words);
    EXPECT_EQ(result.exit_code, one.code) << result.error;
    EXPECT_THAT(result.error, HasSubstr(one.message));
    EXPECT_FALSE(std::filesystem::exists(home_ / "refused"));
  }
}

TEST_F(TrainEncoders, PredictSaysWhatItNeeds) {
  const auto no_head = bantam_({"predict", "classify", "text", "-m", bert_});
  EXPECT_EQ(no_head.exit_code, 3);
  EXPECT_THAT(no_head.error, HasSubstr("an encoder without a head for labels; `bantam train`"));
  const auto decoder = bantam_({"predict", "classify", "text", "-m", write_tiny_model(home_)});
  EXPECT_THAT(decoder.error, HasSubstr("expected an encoder"));
  EXPECT_EQ(bantam_({"predict", "classify", "-m", bert_}).exit_code, 2);
  EXPECT_EQ(bantam_({"predict", "clasify", "text", "-m", bert_}).exit_code, 2);
}

}  // namespace
}  // namespace bantam
