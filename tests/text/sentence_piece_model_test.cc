#include "bantam/text/sentence_piece_model.h"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace bantam
