// Every kind and part of tokenizer.json against the `tokenizers` library
// (tools/golden/tokenizer_kinds.py).
#include <gmock/gmock.h>
#include <time.h>

#include "bantam/text/tokenizer.h"
#include "bantam/text/unicode.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

struct ExpectedToken {
  std::int32_t id;
  ByteRange range;
};

std::vector<ExpectedToken> expected_tokens(const Json& row) {
  const auto numbers = row["tokens"].get<std::vector<std::int32_t>>();
  std::vector<ExpectedToken> tokens;
  for (std::size_t i = 0; i + 2 < numbers.size(); i += 3) {
    tokens.push_back(
        {numbers[i],
         {static_cast<std::uint32_t>(numbers[i + 1]), static_cast<std::uint32_t>(numbers[i + 2])}});
  }
  return tokens;
}

/// The characters that a range touches: the reference knows no parts of characters.
ByteRange whole_characters(const std::string& text, ByteRange range) {
  const auto inside = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (range.first > 0 && inside(range.first)) --range.first;
  while (range.first < range.second && inside(range.second)) ++range.second;
  return range;
}

/// The reference gives a composed or replaced text to one of the characters it was made from; ours
/// covers all of them. So ours may hold more, but nothing that the reference gives to any token.
bool adds_only_what_is_nobodys(const ByteRange& ours, const ByteRange& reference,
                               const std::vector<ExpectedToken>& tokens) {
  if (ours.first > reference.first || ours.second < reference.second) return false;
  for (std::uint32_t at = ours.first; at < ours.second; ++at) {
    if (at >= reference.first && at < reference.second) continue;
    for (const ExpectedToken& token : tokens) {
      if (at >= token.range.first && at < token.range.second) return false;
    }
  }
  return true;
}

void expect_row(const Tokenizer& tokenizer, const Json& row) {
  const auto text = row["text"].get<std::string>();
  SCOPED_TRACE(testing::Message() << "text: " << testing::PrintToString(text));
  const std::vector<ExpectedToken> expected = expected_tokens(row);
  const Encoding encoding = tokenizer.encode(text, Special::parse);
  std::vector<std::int32_t> ids;
  for (const ExpectedToken& token : expected) ids.push_back(token.id);
  ASSERT_EQ(encoding.ids, ids);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const ByteRange ours = whole_characters(text, encoding.offsets[i]);
    const ByteRange reference = expected[i].range;
    const bool byte_of_unknowns =
        tokenizer.vocabulary().types[static_cast<std::size_t>(ids[i])] == TokenType::byte &&
        reference.first <= ours.first && ours.second <= reference.second;
    EXPECT_TRUE(ours == reference || byte_of_unknowns ||
                adds_only_what_is_nobodys(ours, reference, expected))
        << "token " << i << " (" << ids[i] << "): [" << ours.first << ", " << ours.second
        << ") but the reference has [" << reference.first << ", " << reference.second << ")";
  }
  const std::string decoded = row.contains("decoded") ? row["decoded"].get<std::string>() : text;
  EXPECT_EQ(repair_utf8(tokenizer.decode(encoding.ids)), decoded);
}

void expect_pair(const Tokenizer& tokenizer, const Json& row) {
  const auto first = row["first"].get<std::string>();
  SCOPED_TRACE(dump_json(row));
  const ModelInput input = row["second"].is_null()
                               ? tokenizer.model_input(first)
                               : tokenizer.model_input(first, row["second"].get<std::string>());
  EXPECT_EQ(input.ids, row["ids"].get<std::vector<std::int32_t>>());
  EXPECT_EQ(input.type_ids, row["type_ids"].get<std::vector<std::int32_t>>());
  std::vector<int> special;
  for (const int text : input.text) special.push_back(text < 0);
  EXPECT_EQ(special, row["special"].get<std::vector<int>>());
  std::vector<std::uint32_t> offsets;
  for (const auto& [begin, end] : input.offsets) {
    offsets.push_back(begin);
    offsets.push_back(end);
  }
  EXPECT_EQ(offsets, row["offsets"].get<std::vector<std::uint32_t>>());
}

class TokenizerKind : public testing::TestWithParam<const char*> {};

TEST_P(TokenizerKind, EqualsTheReference) {
  const std::string name = std::string("kind_") + GetParam();
  const auto tokenizer = Tokenizer::from_tokenizer_json(golden_text(name + ".json"), name);
  const Json rows = golden_json(name + "_rows.json");
  ASSERT_GT(rows.size(), 80u);
  for (const Json& row : rows) {
    row.contains("text") ? expect_row(*tokenizer, row) : expect_pair(*tokenizer, row);
  }
}

TEST_P(TokenizerKind, AFileWrittenAndReadAgainIsTheSame) {
  const std::string name = std::string("kind_") + GetParam();
  const auto tokenizer = Tokenizer::from_tokenizer_json(golden_text(name + ".json"), name);
  const auto again = Tokenizer::from_tokenizer_json(tokenizer->to_tokenizer_json(), "written");
  for (const Json& row : golden_json(name + "_rows.json")) {
    row.contains("text") ? expect_row(*again, row) : expect_pair(*again, row);
  }
}

TEST_P(TokenizerKind, HostileRunsEncodeInLinearTime) {  // T2
  const std::string name = std::string("kind_") + GetParam();
  const auto tokenizer = Tokenizer::from_tokenizer_json(golden_text(name + ".json"), name);
  for (const auto& [unit, count] : {std::pair("A", 43'000),
                                    {"a", 100'000},
                                    {"^", 300'000},
                                    {"_", 50'000},
                                    {" ", 300'000},
                                    {"\u2581", 50'000},
                                    {"\u0301", 100'000},  // T7
                                    {"\uFDFA", 20'000}}) {
    std::string text;
    for (int i = 0; i < count; ++i) text += unit;
    const clock_t start = clock();
    tokenizer->encode(text);
    EXPECT_LT(static_cast<double>(clock() - start) / CLOCKS_PER_SEC,
              1.0 + static_cast<double>(text.size()) * 1e-6)
        << unit;
  }
}

TEST_P(TokenizerKind, BytesThatAreNoTextStayInBounds) {  // T7
  const std::string name = std::string("kind_") + GetParam();
  const auto tokenizer = Tokenizer::from_tokenizer_json(golden_text(name + ".json"), name);
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  text += "\xED\xA0\x80 \xF0\x9F x\xFF\xFE a\xC3";
  const Encoding encoding = tokenizer->encode(text);
  ASSERT_FALSE(encoding.ids.empty());
  for (const auto& [begin, end] : encoding.offsets) {
    EXPECT_LE(begin, end);
    EXPECT_LE(end, text.size());
  }
  EXPECT_LT(encoding.ids.size(), 4 * text.size());
}

TEST_P(TokenizerKind, WhatAUserTypesIsNeverAControlToken) {  // T6
  const std::string name = std::string("kind_") + GetParam();
  const auto tokenizer = Tokenizer::from_tokenizer_json(golden_text(name + ".json"), name);
  for (std::int32_t id = 0; id < tokenizer->vocabulary_size(); ++id) {
    const auto& vocabulary = tokenizer->vocabulary();
    const auto at = static_cast<std::size_t>(id);
    if (vocabulary.types[at] != TokenType::control || vocabulary.unk == id) continue;
    EXPECT_THAT(tokenizer->encode("a " + vocabulary.tokens[at]).ids,
                testing::Not(testing::Contains(id)))
        << vocabulary.tokens[at];
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerKind,
                         testing::Values("unigram", "unigram_bytes", "bert", "llama", "clip",
                                         "prefixed", "roberta", "words"));

/// A case of parts.json or decoders.json; the first entry of the file holds the models.
std::shared_ptr<const Tokenizer> tokenizer_of_case(const Json& file, const Json& entry) {
  Json parts = entry["parts"];
  parts["model"] = file[0]["models"][entry["model"].get<std::size_t>()];
  return Tokenizer::from_tokenizer_json(dump_json(parts), entry["name"].get<std::string>());
}

TEST(TokenizerParts, EachSettingEqualsTheReference) {
  const Json file = golden_json("parts.json");
  ASSERT_GT(file.size(), 45u);
  for (std::size_t i = 1; i < file.size(); ++i) {
    SCOPED_TRACE(file[i]["name"].get<std::string>());
    const auto tokenizer = tokenizer_of_case(file, file[i]);
    for (const Json& row : file[i]["rows"]) expect_row(*tokenizer, row);
  }
}

TEST(TokenizerParts, EachDecoderEqualsTheReference) {
  const Json file = golden_json("decoders.json");
  for (std::size_t i = 1; i < file.size(); ++i) {
    SCOPED_TRACE(file[i]["name"].get<std::string>());
    const auto tokenizer = tokenizer_of_case(file, file[i]);
    for (const Json& row : file[i]["rows"]) {
      const auto ids = row["ids"].get<std::vector<std::int32_t>>();
      EXPECT_EQ(repair_utf8(tokenizer->decode(ids)), row["text"].get<std::string>())
          << testing::PrintToString(ids);
    }
  }
}

}  // namespace
}  // namespace bantam
