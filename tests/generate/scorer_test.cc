#include "bantam/generate/scorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bantam/generate/sampler.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Tokens = std::vector<std::int32_t>;

// log p of the tokens of `whole` from `first` on, from one pass without a store.
std::vector<double> log_probabilities_by_recomputing(const CausalLM& model, const Tokens& whole,
                                                     std::size_t first) {
  const std::vector<double> logits = full_logits(model, whole).values();
  const auto width = static_cast<std::ptrdiff_t>(model.config().vocabulary);
  std::vector<double> result;
  for (std::size_t i = first; i < whole.size(); ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(i - 1) * width;
    const std::vector<float> values(row, row + width);
    result.push_back(values[static_cast<std::size_t>(whole[i])] - log_sum_exp(values));
  }
  return result;
}

void expect_scores_of_each_alone(const CausalLM& model, const std::vector<Question>& questions,
                                 const std::vector<OptionScores>& scores) {
  ASSERT_EQ(scores.size(), questions.size());
  for (std::size_t q = 0; q < questions.size(); ++q) {
    ASSERT_EQ(scores[q].log_probability.size(), questions[q].options.size());
    for (std::size_t o = 0; o < questions[q].options.size(); ++o) {
      Tokens whole = questions[q].context;
      const Tokens& option = questions[q].options[o];
      whole.insert(whole.end(), option.begin(), option.end());
      double sum = 0;
      for (const double value :
           log_probabilities_by_recomputing(model, whole, questions[q].context.size())) {
        sum += value;
      }
      EXPECT_NEAR(scores[q].log_probability[o], sum, 2e-4);
      EXPECT_EQ(scores[q].tokens[o], static_cast<int>(option.size()));
    }
  }
}

std::vector<Question> questions_with_prefix(std::size_t count, std::size_t shared) {
  const Tokens prefix = random_tokens(shared, 99);
  std::vector<Question> questions;
  for (std::size_t q = 0; q < count; ++q) {
    Question question;
    question.context = prefix;
    const Tokens own = random_tokens(1 + q % 9, q);
    question.context.insert(question.context.end(), own.begin(), own.end());
    question.options = {{5, 6, 7}, {5, 6, 8}, {5, 9}, {4}, {5, 6}, random_tokens(6, q + 50)};
    questions.push_back(std::move(question));
  }
  return questions;
}

TEST(Scorer, ATreeOfOptionsScoresAsEachAlone) {
  const auto model = tiny_model(264);
  const auto questions = questions_with_prefix(7, 3);
  expect_scores_of_each_alone(*model, questions, Scorer(model).score(questions));
}

TEST(Scorer, ACommonPrefixAndSmallBatchesChangeNothing) {
  const auto model = tiny_model(264);
  const auto questions = questions_with_prefix(20, 45);
  for (const std::int64_t rows : {1, 17, 40, 1024}) {
    ScorerOptions options;
    options.step_rows = rows;
    expect_scores_of_each_alone(*model, questions, Scorer(model, options).score(questions));
  }
}

// What is complete has the number of full reading; what is not could not have been the answer.
TEST(Scorer, ContextsOnBothSidesOfASwitchOfRotationsScoreAsEachAlone) {
  const auto model = tiny_model(264, 7, 256, switching_rope(50));
  auto questions = questions_with_prefix(8, 45);  // 46 to 53 tokens of context
  for (Question& question : questions) {  // of one length, for they share how the context turns
    question.options = {{5, 6, 7}, {5, 6, 8}, {5, 9, 1}};
  }
  expect_scores_of_each_alone(*model, questions, Scorer(model, {.step_rows = 16}).score(questions));
  expect_scores_of_each_alone(*model, questions,
                              Scorer(model, {.left_out = 1e-9}).score(questions));
  // All beyond it: the common prefix is read in pieces, as part of a long text.
  const auto longer = tiny_model(264, 7, 256, switching_rope(40));
  expect_scores_of_each_alone(*longer, questions,
                              Scorer(longer, {.step_rows = 16}).score(questions));
}

TEST(Scorer, UnlikelyOptionsLeftOutChangeNoAnswer) {
  const auto model = tiny_model(264);
  auto questions = questions_with_prefix(20, 45);
  for (std::size_t q = 0; q < questions.size(); ++q) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      questions[q].options.push_back(random_tokens(2 + seed % 4, 1000 * q + seed));
    }
    questions[q].always_read = static_cast<std::int32_t>(q % 18);
  }
  const auto all = Scorer(model).score(questions);
  for (const double share : {0.5, 0.9}) {
    for (const std::int64_t rows : {20, 1024}) {
      ScorerOptions options;
      options.left_out = share;
      options.step_rows = rows;
      const auto scores = Scorer(model, options).score(questions);
      int left_out = 0;
      for (std::size_t q = 0; q < questions.size(); ++q) {
        const auto& exact = all[q].log_probability;
        const auto& got = scores[q].log_probability;
        const double best = *std::ranges::max_element(exact);
        EXPECT_TRUE(scores[q].complete[q % 18]);
        for (std::size_t o = 0; o < exact.size(); ++o) {
          if (scores[q].complete[o]) {
            EXPECT_NEAR(got[o], exact[o], 2e-4);
          } else {
            ++left_out;
            EXPECT_GE(got[o], exact[o] - 2e-4);
            EXPECT_LT(got[o], best + std::log(share) + 2e-4);
          }
        }
        const auto answer = std::ranges::max_element(got) - got.begin();
        EXPECT_NEAR(exact[static_cast<std::size_t>(answer)], best, 4e-4);
      }
      EXPECT_GT(left_out, 20);
    }
  }
}

TEST(Scorer, AShareThatRulesOutTheBestIsRefused) {
  for (const double share : {-0.1, 1.0, std::nan("")}) {
    ScorerOptions options;
    options.left_out = share;
    EXPECT_THROW(Scorer(tiny_model(264), options), Error);
  }
}

TEST(Scorer, EqualContextsAndSingleTokensAreFine) {
  const auto model = tiny_model(264);
  const std::vector<Question> questions = {{{7}, {{1}, {2, 3}}}, {{7}, {{1}}}};
  expect_scores_of_each_alone(*model, questions, Scorer(model).score(questions));
  EXPECT_TRUE(Scorer(model).score({}).empty());
}

TEST(Scorer, ProbabilitiesOfAllNextTokensSumToOne) {
  const auto model = tiny_model(264);
  Question question{{1, 2, 3}, {}};
  for (std::int32_t id = 0; id < 264; ++id) question.options.push_back({id});
  const std::vector<Question> questions = {question};
  double sum = 0;
  const auto scores = Scorer(model).score(questions);
  for (const double value : scores[0].log_probability) sum += std::exp(value);
  EXPECT_NEAR(sum, 1, 1e-6);
}

TEST(Scorer, RollingTextsEqualRecomputing) {
  const auto model = tiny_model(264);
  std::vector<RollingText> texts;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    texts.push_back({random_tokens(5 + 20 * seed, seed), static_cast<std::int64_t>(1 + 3 * seed)});
  }
  ScorerOptions options;
  options.step_rows = 100;
  const auto scores = Scorer(model, options).token_log_probabilities(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto expected = log_probabilities_by_recomputing(
        *model, texts[i].tokens, static_cast<std::size_t>(texts[i].first));
    ASSERT_EQ(scores[i].size(), expected.size());
    for (std::size_t t = 0; t < expected.size(); ++t) EXPECT_NEAR(scores[i][t], expected[t], 1e-4);
  }
}

TEST(Scorer, ATextScoredFromItsEndHasNoNumbers) {
  const std::vector<RollingText> texts = {{{1, 2}, 2}};
  EXPECT_TRUE(Scorer(tiny_model(264)).token_log_probabilities(texts)[0].empty());
}

TEST(Scorer, WhatDoesNotFitIsRefusedWithBothNumbers) {
  const std::vector<Question> questions = {{{1}, {{2}}}, {random_tokens(255, 1), {{1}, {2, 3}}}};
  try {
    Scorer(tiny_model(264)).score(questions);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("question 2"));
    EXPECT_THAT(error.what(), HasSubstr("257 tokens"));
    EXPECT_THAT(error.what(), HasSubstr("context of 256"));
  }
}

TEST(Scorer, EmptyAndUnknownTokensAreRefused) {
  const Scorer scorer(tiny_model(264));
  const std::vector<Question> no_context = {{{}, {{1}}}}, no_option = {{{1}, {{}}}},
                              unknown = {{{1}, {{264}}}};
  EXPECT_THROW(scorer.score(no_context), Error);
  EXPECT_THROW(scorer.score(no_option), Error);
  EXPECT_THROW(scorer.score(unknown), Error);
  const std::vector<RollingText> from_nothing = {{{1, 2}, 0}};
  EXPECT_THROW(scorer.token_log_probabilities(from_nothing), Error);
}

TEST(MakeQuestion, OptionTokensAreThoseAfterTheContext) {
  const std::vector<std::string> options = {" a", " bc"};
  const Question question = make_question(*tiny_tokenizer(), "x:", options);
  EXPECT_THAT(question.context, ElementsAre('x', ':'));
  EXPECT_THAT(question.options[0], ElementsAre(' ', 'a'));
  EXPECT_THAT(question.options[1], ElementsAre(' ', 'b', 'c'));
}

TEST(MakeQuestion, ATokenAcrossTheBoundaryMovesItForAllOptions) {
  // "at" + "he" is a·the: the t of the context belongs to a token of the option.
  const std::vector<std::string> options = {"he", "x"};
  const Question joined = make_question(*tiny_tokenizer(), "at", options);
  EXPECT_THAT(joined.context, ElementsAre('a'));
  EXPECT_THAT(joined.options[0], ElementsAre(257));
  EXPECT_THAT(joined.options[1], ElementsAre('t', 'x'));
  const Question separate = make_question(*tiny_tokenizer(), "at", options, Boundary::separate);
  EXPECT_THAT(separate.context, ElementsAre('a', 't'));
  EXPECT_THAT(separate.options[0], ElementsAre('h', 'e'));
}

TEST(MakeQuestion, NothingBeforeTheBoundaryIsRefused) {
  const std::vector<std::string> options = {"he"}, empty = {""};
  EXPECT_THROW(make_question(*tiny_tokenizer(), "t", options), Error);
  EXPECT_THROW(make_question(*tiny_tokenizer(), "", options), Error);
  EXPECT_THROW(make_question(*tiny_tokenizer(), "a", empty), Error);
}

}  // namespace
}  // namespace bantam
