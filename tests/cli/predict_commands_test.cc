// `predict` with every kind of head: what is printed, and what is refused. That the heads' scores
// are transformers' is tested in tests/model/encoder_heads_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bantam/base/json.h"
#include "bantam/generate/text_classifier.h"
#include "tests/cli/run_bantam.h"
#include "tests/model/tiny_model_folder.h"

namespace bantam {
namespace {

using testing::HasSubstr;

class PredictCommands : public testing::Test {
 protected:
  // A golden head with letters for its 31 tokens, and config.json changed as `patch` says.
  std::string head(const std::string& golden, const Json& patch = Json::object()) const {
    const Path folder = home_ / golden;
    std::filesystem::remove_all(folder);
    write_tiny_folder(folder, "encoder_heads/" + golden, letters_of_bert('m'));
    Json config = parse_json(read_file(folder / "config.json"));
    config.merge_patch(patch);
    write_file_atomically(folder / "config.json", dump_json(config));
    return folder.string();
  }
  std::string multi_label() const {
    return head("bert-sequence", {{"problem_type", "multi_label_classification"}});
  }

  // The head's scores for one text or pair, before any activation.
  static std::vector<float> logits(const std::string& model, const std::string& text,
                                   const std::string& pair = "") {
    const LoadedClassifier loaded = load_classifier(model);
    const ModelInput input = pair.empty() ? loaded.tokenizer->model_input(text)
                                          : loaded.tokenizer->model_input(text, pair);
    const std::vector<std::vector<std::int32_t>> ids = {input.ids}, types = {input.type_ids};
    const Tensor found = loaded.model->logits(make_encoder_batch(ids, types));
    const auto values = found.span<float>();
    return {values.begin(), values.end()};
  }

  std::string written(const std::string& name, const std::string& text) const {
    write_file_atomically(home_ / name, text);
    return (home_ / name).string();
  }

  // Runs `predict`, which should be refused with a message that holds `part`.
  void expect_refused(std::vector<std::string> words, int code, const std::string& part) const {
    words.insert(words.begin(), "predict");
    const auto result = bantam_(words);
    EXPECT_EQ(result.exit_code, code) << result.error;
    EXPECT_THAT(result.error, HasSubstr(part));
  }

  BantamProgram bantam_;
  Path home_ = bantam_.home().path();
};

// Printed numbers are rounded to six digits.
constexpr double kRounding = 6e-7;

TEST_F(PredictCommands, LabelsThatDoNotExcludeEachOtherAreAListOfThoseAboveTheThreshold) {
  const std::string model = multi_label();
  const std::vector<float> scores = logits(model, "a dead cab");
  for (const double threshold : {0.0, 0.5, 0.52, 1.0}) {
    const auto result = bantam_({"predict", "classify", "a dead cab", "-m", model, "--json",
                                 "--threshold", fmt::format("{}", threshold)});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const Json json = parse_json(result.output);
    Json expected = Json::array();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const std::string label = fmt::format("class {}", i);
      const double probability = 1 / (1 + std::exp(-scores[i]));
      EXPECT_NEAR(json["scores"][label].get<double>(), probability, kRounding);
      if (probability > threshold) expected.push_back(label);
    }
    EXPECT_EQ(json["prediction"], expected) << threshold;
  }
  const auto table = bantam_({"predict", "classify", "a", "-m", model, "--threshold", "0"});
  EXPECT_THAT(table.output, testing::AllOf(HasSubstr("applies"), HasSubstr("yes")));
  const auto both = bantam_({"predict", "classify", "a", "b", "-m", model, "--threshold", "1"});
  EXPECT_THAT(both.output, HasSubstr("(none)"));
}

TEST_F(PredictCommands, RowsWithLabelsSayHowGoodTheyArePredicted) {
  const std::string rows = written("rows.jsonl", R"({"id":"1","text":"a","labels":["class 0"]}
{"id":"2","text":"b","labels":[]}
{"id":"3","text":"c","label":"class 2"}
)");
  const auto result =
      bantam_({"predict", "classify", "-m", multi_label(), "--data", rows, "--threshold", "0"});
  EXPECT_EQ(result.exit_code, 0) << result.error;
  // All 9 labels are predicted, 2 are there: F1 = 2 * 2 / (9 + 2).
  EXPECT_THAT(result.error,
              HasSubstr("on 3 labelled rows: micro-F1 0.364, all labels right 0.000"));
  EXPECT_THAT(result.output,
              HasSubstr(R"({"id":"1","source":"rows","text":"a","labels":["class 0"],"prediction":)"
                        R"(["class 0","class 1","class 2"])"));
}

TEST_F(PredictCommands, AHeadOfOneNumberGivesItAsItIs) {
  const std::string model = head("bert-regression");
  const auto one = bantam_({"predict", "score", "a dead cab", "-m", model, "--json"});
  ASSERT_EQ(one.exit_code, 0) << one.error;
  EXPECT_NEAR(parse_json(one.output)["prediction"].get<double>(), logits(model, "a dead cab")[0],
              kRounding);
  const auto table = bantam_({"predict", "score", "a", "b", "-m", model, "--query", "m"});
  EXPECT_THAT(table.output, HasSubstr(fmt::format("{:.4f}  m | b", logits(model, "m", "b")[0])));
}

TEST_F(PredictCommands, PairsAreScoredFromRowsAsWithAQuery) {
  const std::string model = head("bert-regression");
  const std::string rows = written("pairs.jsonl", R"({"text":"m","text_pair":"a","score":1}
{"text":"m","text_pair":"b","score":2.5}
{"sentence1":"m","sentence2":"l","score":-1}
)");
  const auto result = bantam_({"predict", "score", "-m", model, "--data", rows});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("on 3 rows with a score: Spearman "));
  const Json first = parse_json(result.output.substr(0, result.output.find('\n')));
  EXPECT_EQ(first["text_pair"], "a");
  EXPECT_EQ(first["score"], 1);
  EXPECT_NEAR(first["prediction"].get<double>(), logits(model, "m", "a")[0], kRounding);
}

TEST_F(PredictCommands, PairsAreClassified) {
  const std::string model = head("bert-sequence");
  const auto result =
      bantam_({"predict", "pair-classify", "b", "-m", model, "--query", "a", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.error;
  const Json json = parse_json(result.output);
  EXPECT_EQ(json["text"], "a");
  EXPECT_EQ(json["text_pair"], "b");
  const std::vector<float> scores = logits(model, "a", "b");
  const auto best = std::ranges::max_element(scores) - scores.begin();
  EXPECT_EQ(json["prediction"], fmt::format("class {}", best));
}

TEST_F(PredictCommands, AHeadThatDoesNotFitTheTaskIsRefusedNamingTheOneThatDoes) {
  const std::string number = head("bert-regression"), classes = head("bert-sequence");
  expect_refused({"classify", "a", "-m", number}, 3, "`bantam predict score` shows it");
  expect_refused({"score", "a", "-m", classes}, 3,
                 "found one of 3 labels; `bantam predict classify` shows them");
  expect_refused({"classify", "a", "-m", head("bert-token")}, 3,
                 "its head is a BertForTokenClassification, which labels words");
  expect_refused({"classify", "a", "-m", head("bert-span")}, 3, "BertForQuestionAnswering");
  expect_refused({"classify", "a", "-m", head("bert-sequence", {{"problem_type", "ranking"}})}, 3,
                 "problem_type 'ranking' is not known");
  expect_refused({"score", "a", "-m", head("bert-sequence", {{"problem_type", "regression"}})}, 3,
                 "regression with 3 numbers");
}

TEST_F(PredictCommands, OptionsAndTextsThatDoNotFitAreRefused) {
  const std::string number = head("bert-regression"), classes = head("bert-sequence");
  expect_refused({"classify", "a", "-m", classes, "--threshold", "0.4"}, 2, "exclude each other");
  expect_refused({"score", "a", "-m", number, "--threshold", "0.4"}, 2, "--threshold");
  expect_refused({"pair-classify", "a", "-m", classes}, 3, "text 1: expected a pair of texts");
  const std::string rows = written("pairs.jsonl", R"({"text":"m","text_pair":"a"})");
  expect_refused({"score", "-m", number, "--data", rows, "--query", "b"}, 2, "pairs.jsonl:1");
  expect_refused({"clasify", "a", "-m", classes}, 2, "nearest: classify");
}

}  // namespace
}  // namespace bantam
