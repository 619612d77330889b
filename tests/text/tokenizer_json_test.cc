#include "bantam/text/tokenizer_json.h"

#include <gmock/gmock.h>

#include "bantam/text/tokenizer.h"
#include "tests/text/error_text.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

/// The message for a tiny tokenizer with one thing changed.
std::string refusal(const std::function<void(Json&)>& change) {
  Json file = golden_json("tiny_digits.json");
  change(file);
  return error_of([&] { Tokenizer::from_tokenizer_json(dump_json(file), "tokenizer.json"); });
}

TEST(TokenizerJson, AnUnchangedFileIsAccepted) {
  EXPECT_EQ(refusal([](Json&) {}), "(nothing thrown)");
}

TEST(TokenizerJson, MergesOfUnknownTokensAreNamed) {  // T3
  EXPECT_THAT(refusal([](Json& f) { f["model"]["merges"][3] = "qq zz"; }),
              HasSubstr("merge 3: 'qq zz': 'qq' is not a token"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["merges"][3] = "a"; }), HasSubstr("merge 3"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["merges"][3] = 7; }), HasSubstr("merge 3"));
}

TEST(TokenizerJson, IdsThatCannotBeAreNamed) {  // T3
  EXPECT_THAT(refusal([](Json& f) { f["model"]["vocab"]["a"] = -4; }), HasSubstr("token 'a'"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["vocab"]["a"] = 2147483648u; }),
              HasSubstr("token 'a'"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["vocab"]["a"] = 18446744073709551615u; }),
              HasSubstr("token 'a'"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["vocab"]["a"] = 1.5; }), HasSubstr("token 'a'"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["vocab"]["a"] = f["model"]["vocab"]["b"]; }),
              HasSubstr("have the same id"));
}

TEST(TokenizerJson, HolesInTheIdsAreUnusedTokens) {  // T3
  Json file = golden_json("tiny_digits.json");
  file["model"]["vocab"]["\u0120hole"] = 700;
  const auto tokenizer = Tokenizer::from_tokenizer_json(dump_json(file), "tokenizer.json");
  EXPECT_EQ(tokenizer->vocabulary_size(), 701);
  EXPECT_TRUE(tokenizer->is_special(650));
  EXPECT_EQ(tokenizer->token_bytes(650), "");
  EXPECT_FALSE(tokenizer->is_special(700));
}

TEST(TokenizerJson, AddedTokensMustHaveTextsOfTheirOwn) {  // T5
  const Json empty = {{"id", 600}, {"content", ""}, {"special", true}};
  EXPECT_THAT(refusal([&](Json& f) { f["added_tokens"].push_back(empty); }),
              HasSubstr("its text is empty"));
  const Json again = {{"id", 600}, {"content", "<|end|>"}, {"special", true}};
  EXPECT_THAT(refusal([&](Json& f) { f["added_tokens"].push_back(again); }),
              HasSubstr("same text '<|end|>'"));
}

TEST(TokenizerJson, AByteThatTextNeedsMustHaveAToken) {  // T5
  const auto remove_q = [](Json& f) {
    f["model"]["merges"] = Json::array();
    f["model"]["vocab"].erase("Q");
  };
  EXPECT_THAT(refusal(remove_q), HasSubstr("no token for the byte 0x51"));
  EXPECT_EQ(refusal([&](Json& f) {
              remove_q(f);
              f["model"]["unk_token"] = "<|end|>";
            }),
            "(nothing thrown)");
}

TEST(TokenizerJson, WhatWouldChangeIdsIsRefusedByName) {
  EXPECT_THAT(refusal([](Json& f) { f["model"]["type"] = "Bigram"; }), HasSubstr("Bigram"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["dropout"] = 0.1; }), HasSubstr("dropout"));
  EXPECT_THAT(refusal([](Json& f) {
                f["model"]["byte_fallback"] = true;
                f["model"]["end_of_word_suffix"] = "</w>";
              }),
              HasSubstr("byte_fallback"));
  EXPECT_THAT(refusal([](Json& f) { f["normalizer"] = {{"type", "Shout"}}; }), HasSubstr("Shout"));
  EXPECT_THAT(refusal([](Json& f) {
                f["pre_tokenizer"] = {{"type", "Metaspaces"}};
              }),
              HasSubstr("Metaspaces"));
  EXPECT_THAT(refusal([](Json& f) { f["decoder"] = {{"type", "Odd"}}; }), HasSubstr("Odd"));
  EXPECT_THAT(refusal([](Json& f) { f["model"]["unk_token"] = "nope"; }), HasSubstr("nope"));
  EXPECT_THAT(refusal([](Json& f) { f["post_processor"] = {{"type", "Odd"}}; }), HasSubstr("Odd"));
}

/// The message for a model alone.
std::string model_refusal(const char* model) {
  return error_of([&] {
    Tokenizer::from_tokenizer_json(fmt::format("{{\"model\":{}}}", model), "tokenizer.json");
  });
}

TEST(TokenizerJson, TextWithoutATokenMustBecomeSomething) {  // T5
  EXPECT_THAT(model_refusal(R"({"type":"Unigram","vocab":[["a",0]],"unk_id":null})"),
              HasSubstr("no unknown token"));
  EXPECT_THAT(model_refusal(R"({"type":"Unigram","vocab":[["a",0]],"unk_id":1})"),
              HasSubstr("unk_id: expected an integer from 0 to 0, found 1"));
  EXPECT_THAT(model_refusal(R"({"type":"WordPiece","vocab":{"a":0},"unk_token":"[UNK]"})"),
              HasSubstr("[UNK]"));
  EXPECT_THAT(model_refusal(R"({"type":"WordLevel","vocab":{"a":0}})"),
              HasSubstr("no unknown token"));
  EXPECT_THAT(model_refusal(R"({"type":"BPE","vocab":{"a":0},"merges":[]})"),
              HasSubstr("no token for the byte"));
}

TEST(TokenizerJson, PiecesOfUnigramThatCannotBeAreNamed) {  // T3
  EXPECT_THAT(model_refusal(R"({"type":"Unigram","vocab":[["a",0],["b"]],"unk_id":0})"),
              HasSubstr("piece 1"));
  EXPECT_THAT(model_refusal(R"({"type":"Unigram","vocab":[["a","x"]],"unk_id":0})"),
              HasSubstr("piece 0"));
  EXPECT_THAT(model_refusal(R"({"type":"Unigram","vocab":{"a":0},"unk_id":0})"),
              HasSubstr("expected a list `vocab`"));
  const std::string longest(5000, 'a');
  EXPECT_THAT(
      model_refusal(
          fmt::format(R"({{"type":"Unigram","vocab":[["{}",0]],"unk_id":0}})", longest).c_str()),
      HasSubstr("token 0: expected at most 4096 bytes, found 5000"));
}

TEST(TokenizerJson, AnAddedTokenThatNormalizesToNothingIsNamed) {  // T5
  EXPECT_THAT(refusal([](Json& f) {
                f["normalizer"] = {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}};
                f["added_tokens"].push_back(
                    {{"id", 600}, {"content", "\n"}, {"special", false}, {"normalized", true}});
              }),
              HasSubstr("added token 600"));
}

TEST(TokenizerJson, ThePostProcessorSaysWhichTokensGoAround) {
  Json file = golden_json("tiny_digits.json");
  file["post_processor"] = parse_json(
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
          "pair":[],"special_tokens":{}})");
  const auto tokenizer = Tokenizer::from_tokenizer_json(dump_json(file), "tokenizer.json");
  EXPECT_TRUE(tokenizer->add_bos());
  EXPECT_EQ(tokenizer->bos(), tokenizer->find("<|begin|>"));
  const auto again = Tokenizer::from_tokenizer_json(tokenizer->to_tokenizer_json(), "written");
  EXPECT_TRUE(again->add_bos());
}

TEST(TokenizerJson, NotJsonNamesLineAndFile) {
  EXPECT_THAT(error_of([] { Tokenizer::from_tokenizer_json("{\n\"a\": ]", "x/tokenizer.json"); }),
              testing::AllOf(HasSubstr("x/tokenizer.json"), HasSubstr("line 2")));
  EXPECT_THAT(error_of([] { Tokenizer::from_tokenizer_json("[]", "f"); }),
              HasSubstr("expected an object"));
}

TEST(TokenizerJson, TruncatedFilesAreRefusedAtEveryLength) {
  const std::string text = golden_text("tiny_digits.json");
  for (std::size_t length = 0; length + 1 < text.size(); length += 97) {
    EXPECT_NE(error_of([&] { vocabulary_from_tokenizer_json(text.substr(0, length)); }),
              "(nothing thrown)")
        << length;
  }
}

}  // namespace
}  // namespace bantam
