#include "bantam/text/tokenizer.h"

#include <gmock/gmock.h>
#include <time.h>

#include <thread>

#include "tests/text/error_text.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Tokenizer> tiny(const std::string& name) {
  return Tokenizer::from_tokenizer_json(golden_text(name + ".json"), name);
}

class GoldenIds : public testing::TestWithParam<const char*> {};

TEST_P(GoldenIds, EqualTheReferenceForPlainAndParsedText) {
  const std::string name = GetParam();
  const auto tokenizer = tiny(name);
  const Json rows = golden_json(name + "_ids.json");
  ASSERT_GT(rows.size(), 400u);
  for (const Json& row : rows) {
    const auto text = row["text"].get<std::string>();
    const auto plain = row["ids"].get<std::vector<std::int32_t>>();
    const auto parsed =
        row.contains("parsed") ? row["parsed"].get<std::vector<std::int32_t>>() : plain;
    ASSERT_EQ(tokenizer->encode(text).ids, plain) << text;
    ASSERT_EQ(tokenizer->encode(text, Special::parse).ids, parsed) << text;
  }
}

TEST_P(GoldenIds, AFileWrittenAndReadAgainGivesTheSameIds) {
  const std::string name = GetParam();
  const auto first = tiny(name);
  const auto second = Tokenizer::from_tokenizer_json(first->to_tokenizer_json(), "written");
  const auto third = Tokenizer::from_vocabulary(first->vocabulary());
  for (const Json& row : golden_json(name + "_ids.json")) {
    const auto text = row["text"].get<std::string>();
    const auto ids = first->encode(text, Special::parse).ids;
    ASSERT_EQ(second->encode(text, Special::parse).ids, ids) << text;
    ASSERT_EQ(third->encode(text, Special::parse).ids, ids) << text;
  }
}

TEST_P(GoldenIds, OffsetsCoverTheTextInOrder) {
  const auto tokenizer = tiny(GetParam());
  for (const Json& row : golden_json(std::string(GetParam()) + "_ids.json")) {
    const auto text = row["text"].get<std::string>();
    const Encoding encoding = tokenizer->encode(text);
    ASSERT_EQ(encoding.ids.size(), encoding.offsets.size());
    std::uint32_t at = 0;
    for (const auto& [begin, end] : encoding.offsets) {
      ASSERT_LE(begin, end);
      ASSERT_TRUE(begin == at || begin < at) << text << ": no byte may be left out";
      at = end;
    }
    if (!encoding.ids.empty()) {
      EXPECT_EQ(at, text.size()) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenIds, testing::Values("tiny_digits", "tiny_split"));

TEST(Tokenizer, DecodingGivesBackEveryTextAndEveryByte) {
  const auto tokenizer = tiny("tiny_digits");
  for (const Json& row : golden_json("tiny_digits_ids.json")) {
    const auto text = row["text"].get<std::string>();
    ASSERT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text);
  }
  std::string bytes;  // T7: invalid UTF-8 and NUL
  for (int b = 0; b < 256; ++b) bytes += static_cast<char>(b);
  bytes += "\xED\xA0\x80 \xF0\x9F x\xFF\xFE";
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(bytes).ids), bytes);
}

TEST(Tokenizer, WhatAUserTypesIsNeverAControlToken) {  // T6
  const auto tokenizer = tiny("tiny_digits");
  const std::int32_t end = *tokenizer->find("<|end|>");
  EXPECT_TRUE(tokenizer->is_special(end));
  EXPECT_THAT(tokenizer->encode("<|end|>", Special::parse).ids, ElementsAre(end));
  EXPECT_THAT(tokenizer->encode("<|end|>").ids, testing::Not(testing::Contains(end)));
  const ByteRange literal[] = {{9, 12}};
  const Encoding mixed = tokenizer->encode("<|end|>, <|end|><|end|>", literal);
  EXPECT_EQ(mixed.ids.front(), end);
  EXPECT_EQ(mixed.ids.back(), end);
  EXPECT_EQ(std::count(mixed.ids.begin(), mixed.ids.end(), end), 2)
      << "the middle one touches the literal range";
}

TEST(Tokenizer, IdsOutOfRangeAreNamed) {  // T9
  const auto tokenizer = tiny("tiny_digits");
  EXPECT_THAT(error_of([&] { tokenizer->decode(std::vector<std::int32_t>{-1}); }),
              HasSubstr("found -1"));
  EXPECT_THAT(error_of([&] { tokenizer->decode(std::vector<std::int32_t>{600}); }),
              HasSubstr("from 0 to 599, found 600"));
}

TEST(Tokenizer, HostileRunsEncodeInLinearTime) {  // T2
  const auto tokenizer = tiny("tiny_split");
  for (const auto& [character, count] : {std::pair('A', 43'000),
                                         {'a', 100'000},
                                         {'^', 1'000'000},
                                         {'_', 50'000},
                                         {' ', 1'000'000},
                                         {'\n', 300'000}}) {
    const std::string text(static_cast<std::size_t>(count), character);
    const clock_t start = clock();
    const auto ids = tokenizer->encode(text).ids;
    EXPECT_LT(static_cast<double>(clock() - start) / CLOCKS_PER_SEC, 1.0 + count * 1e-6)
        << character;
    EXPECT_EQ(tokenizer->decode(ids), text);
  }
}

TEST(Tokenizer, OffsetsOfNormalizedTextPointIntoTheInput) {
  const auto tokenizer = tiny("tiny_split");
  const std::string text = "e\u0301 <tool>e\u0301";
  const Encoding encoding = tokenizer->encode(text);
  EXPECT_EQ(encoding.offsets.front().first, 0u);
  EXPECT_EQ(encoding.offsets.back().second, text.size());
  const auto tool = std::find(encoding.ids.begin(), encoding.ids.end(), *tokenizer->find("<tool>"));
  ASSERT_NE(tool, encoding.ids.end());
  EXPECT_EQ(encoding.offsets[static_cast<std::size_t>(tool - encoding.ids.begin())],
            ByteRange(4, 10));
}

TEST(Tokenizer, ThreadsShareOneTokenizer) {
  const auto tokenizer = tiny("tiny_digits");
  const std::string text = golden_json("tiny_digits_ids.json")[4]["text"].get<std::string>();
  const auto expected = tokenizer->encode(text).ids;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) wrong += tokenizer->encode(text).ids != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Tokenizer, EndTokensIncludeThoseOfChatFormats) {
  BytePairVocabulary vocabulary = tiny("tiny_digits")->vocabulary();
  vocabulary.tokens.push_back("<|im_end|>");
  vocabulary.types.push_back(TokenType::user_defined);
  vocabulary.eos = 0;
  const auto tokenizer = Tokenizer::from_vocabulary(vocabulary);
  EXPECT_THAT(tokenizer->end_of_generation(), ElementsAre(0, 600));
  EXPECT_THAT(tokenizer->encode("<|im_end|>").ids, testing::Not(testing::Contains(600)))
      << "a mark that a file calls user-defined is still a control token";
}

TEST(Tokenizer, PreTokenizersByNameAndByFileAreTheSame) {
  EXPECT_EQ(tiny("tiny_digits")->vocabulary().pre, "smollm");
  BytePairVocabulary vocabulary = tiny("tiny_digits")->vocabulary();
  vocabulary.pre_tokenizer_json.clear();
  vocabulary.normalizer_json.clear();
  const auto by_name = Tokenizer::from_vocabulary(vocabulary);
  const auto by_file = tiny("tiny_digits");
  for (const char* text : {"abc 123 it's  x", "\n\n7", "\u00E9t\u00E9 42"}) {
    EXPECT_EQ(by_name->encode(text).ids, by_file->encode(text).ids);
  }
  vocabulary.pre_tokenizer_json.clear();
  vocabulary.pre = "smolm";
  EXPECT_THAT(error_of([&] { Tokenizer::from_vocabulary(vocabulary); }),
              HasSubstr("known are gpt-2"));
}

}  // namespace
}  // namespace bantam
