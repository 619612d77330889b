#include "bantam/eval/tokenizer_measures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/data/tiny_tokenizer.h"

namespace bantam {
namespace {

TEST(TokenizerMeasures, CountsTokensWordsAndBytes) {
  const std::vector<std::string> texts = {"ab ab  aa", "\xC3\xA9\n", ""};
  const TokenizerMeasures m = measure_tokenizer(*tiny_tokenizer(), texts);
  EXPECT_EQ(m.texts, 3);
  EXPECT_EQ(m.bytes, 12);
  EXPECT_EQ(m.words, 4);
  // "ab", " ab" as " " and "ab", " ", " a" and "a", the two bytes of é, "\n".
  EXPECT_EQ(m.tokens, 9);
  EXPECT_EQ(m.fragments, 2);
  EXPECT_EQ(m.unknown, 0);
  EXPECT_EQ(m.came_back, 3);
  EXPECT_FALSE(m.lost);
  EXPECT_DOUBLE_EQ(m.fertility(), 9.0 / 4);
  EXPECT_DOUBLE_EQ(m.bytes_per_token(), 12.0 / 9);
}

TEST(TokenizerMeasures, ShowsTheFirstTextThatDoesNotComeBack) {
  Vocabulary vocabulary;
  vocabulary.kind = TokenModelKind::word_level;
  vocabulary.tokens = {"<unk>", "left", "right"};
  vocabulary.unk = 0;
  vocabulary.emit_unk = true;
  vocabulary.pre_tokenizer_json = R"({"type":"WhitespaceSplit"})";
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  const std::vector<std::string> texts = {"left right", "left up", "down"};
  const TokenizerMeasures m = measure_tokenizer(*tokenizer, texts);
  EXPECT_EQ(m.came_back, 1);
  EXPECT_EQ(m.unknown, 2);
  ASSERT_TRUE(m.lost);
  EXPECT_EQ(m.lost->number, 1);
  EXPECT_EQ(m.lost->at, 5u);
  EXPECT_EQ(m.lost->was, "left up");
  EXPECT_EQ(m.lost->became, "left <unk>");
}

TEST(RenyiEntropy, IsTheLogarithmOfEquallyFrequentTokens) {
  const std::vector<std::int64_t> even = {5, 5, 5, 5, 0}, uneven = {3, 2, 1, 1};
  EXPECT_NEAR(renyi_entropy(even, 2.5), std::log(4.0), 1e-12);
  const double sum = std::pow(3.0 / 7, 2.5) + std::pow(2.0 / 7, 2.5) + 2 * std::pow(1.0 / 7, 2.5);
  EXPECT_NEAR(renyi_entropy(uneven, 2.5), -std::log(sum) / 1.5, 1e-12);
  EXPECT_EQ(renyi_entropy({}, 2.5), 0);
}

}  // namespace
}  // namespace bantam
