// Trained vocabularies against the `tokenizers` library (tools/golden/tokenizer_training.py).
#include <gmock/gmock.h>

#include <cmath>

#include "bantam/base/threads.h"
#include "bantam/text/byte_level.h"
#include "bantam/text/tokenizer.h"
#include "bantam/text/tokenizer_json.h"
#include "bantam/text/training/count_tokens.h"
#include "bantam/text/training/train_tokenizer.h"
#include "tests/text/error_text.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Json& golden() {
  static const Json json = golden_json("training.json");
  return json;
}

/// The texts of the golden file, as often as its script repeats them.
std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  const Json& list = golden()["corpus"];
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (std::size_t n = 0; n < 1 + i * 5 % 7; ++n) texts.push_back(list[i].get<std::string>());
  }
  return texts;
}

WordCounts counted(const std::vector<std::string>& texts, const WordSplit& split,
                   const std::vector<std::string>& special = {}) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  WordCounter counter(split, special);
  counter.add(views);
  return counter.take();
}

WordCounts given_words(const Json& words) {
  WordCounts counts;
  for (const auto& [word, count] : words.items()) {
    counts.words.push_back(word);
    counts.counts.push_back(count.get<std::int64_t>());
  }
  return counts;
}

TrainingOptions options(TokenModelKind kind, std::int64_t size, std::int64_t frequency = 2) {
  TrainingOptions result;
  result.vocabulary_size = size;
  result.minimum_frequency = frequency;
  result.special = usual_special_tokens(kind);
  return result;
}

TrainingOptions options(TokenModelKind kind, const Json& like) {
  return options(kind, like["size"].get<std::int64_t>(), like["frequency"].get<std::int64_t>());
}

std::vector<std::string> tokens_after(const Vocabulary& vocabulary, std::ptrdiff_t first) {
  return {vocabulary.tokens.begin() + first, vocabulary.tokens.end()};
}

void expect_same_merges(const Vocabulary& vocabulary, const Json& expected) {
  EXPECT_EQ(tokens_after(vocabulary, 257), expected["tokens"].get<std::vector<std::string>>());
  EXPECT_EQ(vocabulary.merges, expected["merges"].get<std::vector<std::string>>());
}

/// Written, read again, and used.
void expect_same_ids_from_file(const Vocabulary& vocabulary,
                               const std::vector<std::string>& texts) {
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  const auto read = Tokenizer::from_tokenizer_json(tokenizer->to_tokenizer_json(), "trained");
  for (const std::string& text : texts) {
    EXPECT_EQ(read->encode(text).ids, tokenizer->encode(text).ids) << text;
  }
}

TEST(ByteLevelTraining, MergesOfACorpusEqualTheReference) {
  const WordSplit split = byte_level_split("gpt-2");
  const Json& expected = golden()["bpe_corpus"];
  const Vocabulary vocabulary = train_byte_level_bpe(counted(corpus(), split), split,
                                                     options(TokenModelKind::byte_bpe, expected));
  expect_same_merges(vocabulary, expected);
  expect_same_ids_from_file(vocabulary, corpus());
}

TEST(ByteLevelTraining, TiesAndTextsMadeInTwoWaysEqualTheReference) {
  for (const char* name : {"bpe_two_letters", "bpe_four_letters"}) {
    SCOPED_TRACE(name);
    const Json& expected = golden()[name];
    expect_same_merges(
        train_byte_level_bpe(given_words(expected["words"]), byte_level_split("gpt-2"),
                             options(TokenModelKind::byte_bpe, expected)),
        expected);
  }
}

TEST(WordPieceTraining, TokensEqualTheReference) {
  const WordSplit split = word_piece_split(true);
  const WordCounts words = counted(corpus(), split);
  for (const char* name : {"word_piece", "word_piece_limited"}) {
    SCOPED_TRACE(name);
    const Json& expected = golden()[name];
    TrainingOptions training = options(TokenModelKind::word_piece, expected);
    training.alphabet_limit = expected["limit"].get<std::int64_t>();
    const Vocabulary vocabulary = train_word_piece(words, split, training);
    EXPECT_EQ(tokens_after(vocabulary, 5), expected["tokens"].get<std::vector<std::string>>());
    expect_same_ids_from_file(vocabulary, corpus());
  }
}

/// Nats of the best segmentations of all texts, under probabilities that add up to one.
double nats_of(const Vocabulary& vocabulary, const std::vector<std::string>& texts) {
  double sum = 0;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::normal) sum += std::exp(vocabulary.scores[id]);
  }
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  double nats = 0;
  for (const std::string& text : texts) {
    for (const std::int32_t id : tokenizer->encode(text).ids) {
      nats += std::log(sum) - vocabulary.scores[static_cast<std::size_t>(id)];
    }
  }
  return nats;
}

TEST(UnigramTraining, TextIsAsLikelyAsUnderTheReference) {
  const WordSplit split = unigram_split();
  const Json& expected = golden()["unigram"];
  // The reference has no byte tokens and keeps every character.
  TrainingOptions training =
      options(TokenModelKind::unigram, 3 + 256 + expected["pieces"].get<std::int64_t>());
  training.alphabet_limit = 10'000;
  const Vocabulary vocabulary = train_unigram(counted(corpus(), split), split, training);
  EXPECT_LE(nats_of(vocabulary, corpus()), 1.01 * expected["nats"].get<double>());
  EXPECT_EQ(std::ssize(vocabulary.tokens), training.vocabulary_size);
  expect_same_ids_from_file(vocabulary, corpus());
}

TEST(UnigramTraining, EveryTextComesBack) {
  const WordSplit split = unigram_split();
  const auto tokenizer = Tokenizer::from_vocabulary(
      train_unigram(counted(corpus(), split), split, options(TokenModelKind::unigram, 900)));
  for (const std::string text : {"two  spaces\nand\n\na line ", " first", "<0x41> stays",
                                 "unseen: \xE2\x98\x83 \xF0\x9F\xA6\x86", "\t\r\n", ""}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text);
  }
  for (const std::string& text : corpus()) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text);
  }
}

class EveryKind : public testing::TestWithParam<TokenModelKind> {
 protected:
  WordSplit split() const {
    if (GetParam() == TokenModelKind::word_piece) return word_piece_split(false);
    if (GetParam() == TokenModelKind::unigram) return unigram_split();
    return byte_level_split("smollm");
  }
  Vocabulary train(const WordCounts& words, const TrainingOptions& training) const {
    if (GetParam() == TokenModelKind::word_piece) return train_word_piece(words, split(), training);
    if (GetParam() == TokenModelKind::unigram) return train_unigram(words, split(), training);
    return train_byte_level_bpe(words, split(), training);
  }
  TrainingOptions usual(std::int64_t size) const { return options(GetParam(), size); }
};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryKind,
                         testing::Values(TokenModelKind::byte_bpe, TokenModelKind::word_piece,
                                         TokenModelKind::unigram));

TEST_P(EveryKind, IsTheSameOnAnyNumberOfThreads) {
  const int before = thread_count();
  set_thread_count(1);
  const Vocabulary one = train(counted(corpus(), split()), usual(900));
  set_thread_count(5);
  const Vocabulary five = train(counted(corpus(), split()), usual(900));
  set_thread_count(before);
  EXPECT_EQ(one.tokens, five.tokens);
  EXPECT_EQ(one.merges, five.merges);
  EXPECT_EQ(one.scores, five.scores);
}

TEST_P(EveryKind, RefusesASizeBelowItsAlphabetWithNumbers) {
  const WordCounts words = counted(corpus(), split());
  const std::string text = error_of([&] { train(words, usual(100)); });
  EXPECT_THAT(text, HasSubstr("vocabulary size: expected at least "));
  EXPECT_THAT(text, HasSubstr("found 100"));
}

TEST_P(EveryKind, RefusesEmptyData) {
  EXPECT_THAT(error_of([&] {
                train(counted({"", "   "}, split(), {}), usual(9000));
              }),
              GetParam() == TokenModelKind::word_piece ? HasSubstr("found not one word")
                                                       : HasSubstr("(nothing thrown)"));
  EXPECT_THAT(error_of([&] { train({}, usual(9000)); }), HasSubstr("found not one word"));
}

TEST_P(EveryKind, LearnsNothingOfSpecialTokensInText) {
  std::vector<std::string> texts(20, "a<|turn|>b <|turn|>");
  TrainingOptions training = usual(2000);
  training.special.texts.emplace_back("<|turn|>");
  const Vocabulary vocabulary = train(counted(texts, split(), training.special.texts), training);
  for (const std::string& token : tokens_after(vocabulary, std::ssize(training.special.texts))) {
    EXPECT_THAT(token, testing::Not(HasSubstr("turn"))) << token;
  }
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  const auto id = static_cast<std::int32_t>(training.special.texts.size() - 1);
  EXPECT_THAT(tokenizer->encode("<|turn|>", Special::parse).ids, ElementsAre(id));
}

TEST_P(EveryKind, TakesInvalidUtf8) {
  const std::vector<std::string> texts(3, "good \xFF\xFE bad\xC3 good");
  const WordCounts words = counted(texts, split());
  EXPECT_EQ(words.invalid_bytes, GetParam() == TokenModelKind::byte_bpe ? 0 : 9);
  const auto tokenizer = Tokenizer::from_vocabulary(train(words, usual(600)));
  if (GetParam() == TokenModelKind::byte_bpe) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(texts[0]).ids), texts[0]);
  }
}

TEST_P(EveryKind, TakesAGiantWord) {
  std::string word;
  for (std::int64_t i = 0; i < 300'000; ++i)
    word += static_cast<char>('a' + (i * i / 7 + i / 3) % 26);
  const WordCounts words = counted({word, word}, split());
  for (const std::string& part : words.words) {
    EXPECT_LE(part.size(), WordCounter::longest_word);
  }
  EXPECT_GT(std::ssize(train(words, usual(1000)).tokens), 500);
}

TEST_P(EveryKind, StopsWhenInterrupted) {
  const WordCounts words = counted(corpus(), split());
  Interrupt::request(2);
  EXPECT_THROW(train(words, usual(900)), Interrupted);
  Interrupt::reset();
}

TEST_P(EveryKind, RefusesSpecialTokensThatCannotBe) {
  const WordCounts words = counted(corpus(), split());
  const auto with = [&](const std::string& text) {
    TrainingOptions training = usual(2000);
    training.special.texts.push_back(text);
    return error_of([&] { train(words, training); });
  };
  EXPECT_THAT(with(""), HasSubstr("one is empty"));
  EXPECT_THAT(with(usual(0).special.texts[0]), HasSubstr("is there twice"));
  EXPECT_THAT(with("e"), HasSubstr("'e' is in the alphabet as well"));
}

TEST_P(EveryKind, CountsTokensAsEncodingDoes) {
  const WordCounts words = counted(corpus(), split());
  const auto tokenizer = Tokenizer::from_vocabulary(train(words, usual(900)));
  std::int64_t tokens = 0;
  for (const std::string& text : corpus()) tokens += std::ssize(tokenizer->encode(text).ids);
  EXPECT_EQ(count_tokens(*tokenizer, words).tokens, tokens);
}

TEST(WordCounts, BlocksEndAtLineBreaksAndLoseNothing) {
  std::string text;
  for (int i = 0; i < 40'000; ++i)
    text += i % 5 == 0 ? "\n  indented" : i % 7 == 0 ? "\nline\n" : "line\n";
  std::vector<std::string_view> blocks;
  append_blocks(text, blocks);
  EXPECT_GT(blocks.size(), 2u);
  std::string joined;
  for (const std::string_view block : blocks) joined += block;
  EXPECT_EQ(joined, text);
  const WordSplit split = byte_level_split("gpt-2");
  WordCounter counter(split, {});
  counter.add(blocks);
  const WordCounts in_blocks = counter.take(), whole = counted({text}, split);
  EXPECT_EQ(in_blocks.words, whole.words);
  EXPECT_EQ(in_blocks.counts, whole.counts);
}

TEST(WordSplit, DigitsCanBeTokensOfTheirOwn) {
  for (const WordSplit& split :
       {byte_level_split("gpt-2", true), byte_level_split("llama-bpe", true),
        word_piece_split(false, true), unigram_split("", true)}) {
    EXPECT_THAT(counted({"1984"}, split).words, ElementsAre("1", "4", "8", "9"));
  }
  EXPECT_EQ(byte_level_split("gpt-2", true).pre, "smollm");
  EXPECT_THAT(error_of([] { unigram_split("nfx"); }), HasSubstr("found 'nfx'"));
}

}  // namespace
}  // namespace bantam
