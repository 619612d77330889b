#include "bantam/text/sentence_piece_model.h"

#include <gmock/gmock.h>

#include <limits>

#include "bantam/text/tokenizer.h"
#include "tests/text/error_text.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Tokenizer> tokenizer_of(const std::string& name) {
  return Tokenizer::from_vocabulary(
      vocabulary_from_sentence_piece(golden_text("sentence_piece_" + name + ".model")));
}

class SentencePieceModel : public testing::TestWithParam<const char*> {};

TEST_P(SentencePieceModel, EncodesAsSentencePieceDoes) {
  const auto tokenizer = tokenizer_of(GetParam());
  const Json rows = golden_json(std::string("sentence_piece_") + GetParam() + "_rows.json");
  ASSERT_GT(rows.size(), 80u);
  for (const Json& row : rows) {
    const auto text = row["text"].get<std::string>();
    EXPECT_EQ(tokenizer->encode(text).ids, row["ids"].get<std::vector<std::int32_t>>())
        << testing::PrintToString(text);
  }
}

TEST_P(SentencePieceModel, ATokenizerJsonOfItIsLoaded) {
  const auto tokenizer = tokenizer_of(GetParam());
  const auto again = Tokenizer::from_tokenizer_json(tokenizer->to_tokenizer_json(), "written");
  EXPECT_EQ(again->vocabulary_size(), tokenizer->vocabulary_size());
  for (const char* text : {"The water is cold.", "x  y", "Поезд идёт"}) {
    EXPECT_EQ(again->encode(text).ids, tokenizer->encode(text).ids) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SentencePieceModel,
                         testing::Values("bpe", "bpe_bytes", "unigram", "unigram_bytes"));

TEST(SentencePieceFile, DecodesWithoutTheSpaceThatItPutInFront) {
  const auto tokenizer = tokenizer_of("bpe");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("The water is cold.").ids), "The water is cold.");
  EXPECT_EQ(tokenizer->token_bytes(tokenizer->encode("the").ids[0]).front(), ' ');
}

TEST(SentencePieceFile, BytesWithoutATokenSurvive) {  // T7
  const auto tokenizer = tokenizer_of("bpe_bytes");
  const std::string text = "a\xFF\xC3 \xF0\x9F\x98\x80\x80";
  std::string bytes;
  for (const std::int32_t id : tokenizer->encode(text).ids) bytes += tokenizer->token_bytes(id);
  EXPECT_EQ(bytes, " " + text);
}

TEST(SentencePieceFile, ACutFileNamesTheByte) {  // T8
  const std::string whole = golden_text("sentence_piece_unigram.model");
  for (std::size_t length = 0; length < whole.size(); length += 61) {
    const std::string error = error_of([&] {
      Tokenizer::from_vocabulary(vocabulary_from_sentence_piece(whole.substr(0, length)));
    });
    // A file cut between two fields is whole, but for what it lacks: then it is another model.
    if (error != "(nothing thrown)") {
      EXPECT_THAT(error, testing::AnyOf(HasSubstr("byte "), HasSubstr("none"), HasSubstr("piece"),
                                        HasSubstr("unknown token")));
    }
  }
  EXPECT_THAT(error_of([] { vocabulary_from_sentence_piece("not a model"); }),
              HasSubstr("byte 0: expected a field of a protocol buffer"));
  EXPECT_THAT(error_of([] { vocabulary_from_sentence_piece("\x0A\x7Fxy"); }),
              HasSubstr("byte 2: expected a value of 127 bytes, found 2"));
}

TEST(SentencePieceFile, ACutCharsmapNamesTheByte) {  // T8
  Vocabulary vocabulary;
  EXPECT_THAT(error_of([&] {
                set_sentence_piece_parts(vocabulary,
                                         {.charsmap = std::string("\x08\0\0\0abcd", 8)});
              }),
              HasSubstr("expected a trie of 8 bytes from byte 4 on, the map ends at byte 8"));
}

/// Cuts "ba" off without having it, and has "ab" and "c" without cutting them off.
Vocabulary one_way_vocabulary(TokenModelKind kind) {
  constexpr double never = -std::numeric_limits<double>::infinity();
  Vocabulary vocabulary;
  vocabulary.kind = kind;
  vocabulary.pre = "";
  vocabulary.tokens = {"<unk>", "a", "b", "ab", "c"};
  vocabulary.types = {TokenType::unknown, TokenType::normal, TokenType::normal, TokenType::normal,
                      TokenType::normal};
  vocabulary.scores = {0, -1, -1, never, never};
  vocabulary.unlisted = {{"ba", -1}};
  vocabulary.unk = 0;
  vocabulary.like_sentence_piece = true;
  return vocabulary;
}

TEST(OneWayTokens, AreDecodedAndPiecesWithoutOneAreUnknown) {
  for (const auto kind : {TokenModelKind::unigram, TokenModelKind::sentence_piece_bpe}) {
    const auto tokenizer = Tokenizer::from_vocabulary(one_way_vocabulary(kind));
    const auto ids = [&](const char* text) { return tokenizer->encode(text).ids; };
    EXPECT_EQ(ids("ab"), (std::vector<std::int32_t>{1, 2}));
    EXPECT_EQ(ids("ba"), (std::vector<std::int32_t>{0}));
    EXPECT_EQ(ids("bad"), (std::vector<std::int32_t>{0, 0}));  // a piece, then a character
    EXPECT_EQ(ids("ddba"), (std::vector<std::int32_t>{0, 0}));
    EXPECT_EQ(ids("ac"), (std::vector<std::int32_t>{1, 4}));  // unknown, but its name is a token
    EXPECT_EQ(ids("acd"), (std::vector<std::int32_t>{1, 0}));
    EXPECT_EQ(tokenizer->decode(std::vector<std::int32_t>{3}), "ab");
    EXPECT_THAT(error_of([&] { tokenizer->to_tokenizer_json(); }),
                testing::AllOf(HasSubstr("tokenizer.json"), HasSubstr("(2 here)")));
  }
}

TEST(OneWayTokens, OtherScoresThatAreNoNumbersAreRefused) {
  Vocabulary vocabulary = one_way_vocabulary(TokenModelKind::unigram);
  vocabulary.scores[1] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(error_of([&] { Tokenizer::from_vocabulary(vocabulary); }), HasSubstr("token 1"));
  vocabulary = one_way_vocabulary(TokenModelKind::unigram);
  vocabulary.unlisted[0].score = -std::numeric_limits<double>::infinity();
  EXPECT_THAT(error_of([&] { Tokenizer::from_vocabulary(vocabulary); }), HasSubstr("piece 'ba'"));
  vocabulary.unlisted[0] = {"", 0};
  EXPECT_THAT(error_of([&] { Tokenizer::from_vocabulary(vocabulary); }), HasSubstr("piece ''"));
}

}  // namespace
}  // namespace bantam
