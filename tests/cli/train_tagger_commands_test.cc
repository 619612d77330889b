// Encoders that tag words, from the command line: trained, used, and refused.
#include <gmock/gmock.h>

#include "bantam/base/json.h"
#include "tests/cli/encoder_training.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class TrainTaggers : public EncoderTraining {
 protected:
  // Words of letters; a word that begins with "x" is of an entity, which the word behind an "xy"
  // goes on with.
  struct Sentence {
    std::vector<std::string> words, tags;
  };
  static std::vector<Sentence> sentences() {
    std::vector<Sentence> all;
    for (int i = 0; i < 60; ++i) {
      Sentence sentence;
      for (int word = 0; word < 5; ++word) {
        const std::string letter(1, static_cast<char>('a' + (i * 7 + word * 3) % 9));
        const bool begins = (i + word) % 4 == 0, is_long = i % 3 == 0;
        if (begins && is_long) {
          sentence.words.insert(sentence.words.end(), {"xy" + letter, "z" + letter});
          sentence.tags.insert(sentence.tags.end(), {"B-LONG", "I-LONG"});
        } else {
          sentence.words.push_back(begins ? "x" + letter : letter + letter);
          sentence.tags.emplace_back(begins ? "B-SHORT" : "O");
        }
      }
      all.push_back(std::move(sentence));
    }
    return all;
  }

  std::string rows_of_tags() const {
    std::string lines;
    for (const Sentence& sentence : sentences()) {
      lines += dump_json(Json{{"tokens", sentence.words}, {"tags", sentence.tags}}) + "\n";
    }
    return written("tags.jsonl", lines);
  }

  std::string rows_of_spans() const {
    std::string lines;
    for (const Sentence& sentence : sentences()) {
      std::string text;
      Json spans = Json::array();
      for (std::size_t i = 0; i < sentence.words.size(); ++i) {
        const std::string& tag = sentence.tags[i];
        text += i == 0 ? "" : " ";
        if (tag[0] == 'B') spans.push_back({{"start", text.size()}, {"label", tag.substr(2)}});
        text += sentence.words[i];
        if (tag[0] != 'O') spans.back()["end"] = text.size();
      }
      lines += dump_json(Json{{"text", text}, {"spans", spans}}) + "\n";
    }
    return written("spans.jsonl", lines);
  }

  const std::vector<std::string> tags_ = {"--objective", "tag",     "--full", "--lr",
                                          "1e-2",        "--steps", "150"};
};

TEST_F(TrainTaggers, SpansAreLearnedAndFound) {
  const std::string rows = rows_of_spans();
  const auto result = train(bert_, rows, "out", tags_);
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("a new head for 5 tags, in alphabetical order: B-LONG, "
                                      "B-SHORT, I-LONG, I-SHORT, O"));
  EXPECT_THAT(result.error, HasSubstr("entity_f1"));
  EXPECT_THAT(result.output, HasSubstr("dev rows: token accuracy 1.000"));
  EXPECT_THAT(result.output, HasSubstr("try it: bantam predict tag -m " + path("out") + " TEXT"));
  const Json config = parse_json(read_file(home_ / "out/config.json"));
  EXPECT_EQ(config["architectures"], Json::array({"BertForTokenClassification"}));
  EXPECT_EQ(config["id2label"]["4"], "O");
  EXPECT_FALSE(config.contains("problem_type"));

  const auto table = bantam_({"predict", "tag", "aa xyb zb, dd!", "bb xc aa", "-m", path("out")});
  ASSERT_EQ(table.exit_code, 0) << table.error;
  EXPECT_THAT(table.output, testing::ContainsRegex("1  xyb zb +LONG +3 +9 "));
  EXPECT_THAT(table.output, testing::ContainsRegex("2  xc +SHORT +3 +5 "));
  const auto found = bantam_({"predict", "tag", "-m", path("out"), "--data", rows});
  EXPECT_THAT(found.error,
              HasSubstr("on 60 tagged rows: accuracy of words 1.000, entity F1 1.000"));
}

TEST_F(TrainTaggers, WordsAndTagsAreLearnedAndFound) {
  const std::string rows = rows_of_tags();
  ASSERT_EQ(train(bert_, rows, "out", tags_).exit_code, 0);
  const auto found = bantam_({"predict", "tag", "-m", path("out"), "--data", rows});
  EXPECT_THAT(found.error, HasSubstr("entity F1 1.000"));
  const Json first = parse_json(found.output.substr(0, found.output.find('\n')));
  EXPECT_EQ(first["prediction"], first["tags"]);
  EXPECT_FALSE(first.contains("spans"));

  // Without tags of their own: spans of the words with spaces between them, or of a text.
  const std::string open = written("open.jsonl", R"({"tokens":["bb","xa"]}
{"text":"äbb xa"}
)");
  const auto spans = bantam_({"predict", "tag", "-m", path("out"), "--data", open});
  ASSERT_EQ(spans.exit_code, 0) << spans.error;
  EXPECT_THAT(spans.output,
              HasSubstr(R"("spans":[{"start":3,"end":5,"label":"SHORT","text":"xa")"));
  EXPECT_THAT(spans.output,
              HasSubstr(R"("spans":[{"start":4,"end":6,"label":"SHORT","text":"xa")"));
  // What was found can be learned from.
  const std::string again = written("again.jsonl", spans.output);
  EXPECT_EQ(train(path("out"), again, "second", {"--steps", "1", "--full"}).exit_code, 0);
}

TEST_F(TrainTaggers, AnAdapterBringsItsTags) {
  const auto result = train(bert_, rows_of_spans(), "out",
                            {"--objective", "tag", "--lr", "1e-2", "--steps", "300"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const Json config = parse_json(read_file(home_ / "out/adapter_config.json"));
  EXPECT_EQ(config["task_type"], "TOKEN_CLS");
  EXPECT_EQ(config["modules_to_save"], Json::array({"classifier"}));
  const std::string both = bert_ + "+" + path("out");
  // As the rows are; of shorter texts each seed makes something else.
  const auto found = bantam_({"predict", "tag", "hh bb ee xh bb", "-m", both, "--json"});
  ASSERT_EQ(found.exit_code, 0) << found.error;
  const Json span = parse_json(found.output)["spans"][0];
  EXPECT_EQ(span["text"], "xh");
  EXPECT_EQ(span["label"], "SHORT");
  const auto merged = bantam_({"model", "apply", both, "--type", "f32", "-o", path("merged")});
  ASSERT_EQ(merged.exit_code, 0) << merged.error;
  const auto again = bantam_({"predict", "tag", "hh bb ee xh bb", "-m", path("merged"), "--json"});
  EXPECT_EQ(parse_json(again.output), parse_json(found.output));
  const auto refused = bantam_({"predict", "classify", "aa", "-m", both});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.error, HasSubstr("task_type is TOKEN_CLS, expected SEQ_CLS"));
}

TEST_F(TrainTaggers, AHeadForTagsGoesOnLearningThem) {
  ASSERT_EQ(train(bert_, rows_of_tags(), "out", {"--objective", "tag", "--full", "--steps", "2"})
                .exit_code,
            0);
  const auto again = train(path("out"), rows_of_tags(), "second", {"--full", "--steps", "2"});
  ASSERT_EQ(again.exit_code, 0) << again.error;
  EXPECT_THAT(again.error, HasSubstr("tags of the model's head: B-LONG, B-SHORT, I-LONG, O"));
  const auto refused = train(
      path("out"), written("other.jsonl", R"({"tokens":["a"],"tags":["X"]})"), "third", {"--full"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.error, HasSubstr("other.jsonl:1: tag 'X' is not one of the model's 4"));
}

TEST_F(TrainTaggers, WhatDoesNotGoTogetherIsRefused) {
  const auto no_tags = train(bert_, written("labels.jsonl", R"({"text":"a","label":"x"})"), "out",
                             {"--objective", "tag"});
  EXPECT_EQ(no_tags.exit_code, 3);
  EXPECT_THAT(no_tags.error, HasSubstr("labels.jsonl:1: --objective tag learns from rows with text "
                                       "and spans, or tokens and tags, found classification"));
  const auto no_objective = train(bert_, rows_of_spans(), "out");
  EXPECT_EQ(no_objective.exit_code, 3);
  EXPECT_THAT(no_objective.error, HasSubstr("found spans; --objective tag learns these"));
  const auto nothing = train(bert_, written("none.jsonl", R"({"text":"a","spans":[]})"), "out",
                             {"--objective", "tag"});
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_THAT(nothing.error, HasSubstr("the rows have no span"));
  const auto no_head = bantam_({"predict", "tag", "a", "-m", bert_});
  EXPECT_EQ(no_head.exit_code, 3);
  EXPECT_THAT(no_head.error, HasSubstr("an encoder without a head for tags; `bantam train "
                                       "--objective tag`"));
}

}  // namespace
}  // namespace bantam
