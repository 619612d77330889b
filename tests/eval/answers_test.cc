#include "bantam/eval/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

Row labelled(const std::string& text, const std::string& label) {
  Row row;
  row.kind = Row::Kind::classification;
  row.id = text;
  row.text = text;
  row.label = label;
  return row;
}

RowAnswer answered(const std::string& text, bool correct) {
  RowAnswer answer;
  answer.text = text;
  answer.correct = correct;
  return answer;
}

TEST(Answers, AccuracyAndMacroF1AreThoseOfTheDefinition) {
  const std::vector<Row> rows = {labelled("1", "a"), labelled("2", "a"), labelled("3", "b"),
                                 labelled("4", "b")};
  SystemResult result;
  result.name = "test";
  result.answers = {answered("a", true), answered("b", false), answered("b", true),
                    answered("b", true)};
  score(result, rows, std::vector<std::string>{"a", "b"});
  EXPECT_DOUBLE_EQ(result.accuracy.value, 0.75);
  // a: precision 1, recall 1/2, F1 2/3; b: precision 2/3, recall 1, F1 4/5.
  ASSERT_TRUE(result.macro_f1.has_value());
  EXPECT_NEAR(result.macro_f1->value, (2.0 / 3 + 4.0 / 5) / 2, 1e-12);
  EXPECT_LE(result.accuracy.low, 0.75);
  EXPECT_GE(result.accuracy.high, 0.75);
  EXPECT_EQ(result.classes->confusion[0][1], 1);
  EXPECT_FALSE(result.loss.has_value()) << "no truth loss was measured";
}

TEST(Answers, LossIsAMeanOverTokensNotOverRows) {
  const std::vector<Row> rows = {labelled("1", "a"), labelled("2", "b")};
  SystemResult result;
  result.answers = {answered("a", true), answered("b", true)};
  result.answers[0].truth_loss = 1;
  result.answers[0].truth_tokens = 1;
  result.answers[1].truth_loss = 9;
  result.answers[1].truth_tokens = 3;
  score(result, rows, std::vector<std::string>{"a", "b"});
  EXPECT_DOUBLE_EQ(result.loss->value, 2.5);
}

TEST(Answers, AScoreOfNothingIsRefused) {
  SystemResult result;
  result.name = "nobody";
  EXPECT_THROW(score(result, {}, {}), Error);
}

TEST(Answers, ALabelThatTrainingNeverSawIsNamed) {
  const std::vector<Row> rows = {labelled("1", "zebra")};
  SystemResult result;
  result.answers = {answered("a", false)};
  try {
    score(result, rows, std::vector<std::string>{"a", "b"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("zebra"));
  }
}

TEST(Answers, CompareCountsWhatChanged) {
  SystemResult before, after;
  before.answers = {answered("", true), answered("", false), answered("", false)};
  after.answers = {answered("", false), answered("", true), answered("", true)};
  const McNemar change = compare(before, after);
  EXPECT_EQ(change.fixed, 2);
  EXPECT_EQ(change.broken, 1);
}

TEST(Answers, LabelsAreSortedAndUnique) {
  const std::vector<Row> rows = {labelled("1", "b"), labelled("2", "a"), labelled("3", "b")};
  EXPECT_THAT(labels_of(rows), testing::ElementsAre("a", "b"));
}

}  // namespace
}  // namespace bantam
