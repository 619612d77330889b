// Tokenizers written to GGUF files and read again give the ids that they had.
#include "bantam/model/gguf_vocabulary.h"

#include "bantam/base/json.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/text/sentence_piece_model.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string golden(const std::string& name) {
  return read_file(BANTAM_SOURCE_DIR "/tests/golden/text/" + name);
}

class GgufVocabulary : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> through_gguf(const Vocabulary& vocabulary,
                                                const std::string& family = "llama") {
    GgufWriter writer;
    writer.set("general.architecture", family);
    set_gguf_vocabulary(writer, vocabulary,
                        static_cast<std::int64_t>(vocabulary.tokens.size()) + 3);
    const Path path = folder_.path() / "m.gguf";
    writer.write(path);
    return load_tokenizer(path);
  }
  void expect_the_same(const Tokenizer& before, const std::string& rows) {
    const auto after = through_gguf(before.vocabulary());
    EXPECT_EQ(after->vocabulary_size(), before.vocabulary_size() + 3);
    EXPECT_EQ(after->bos(), before.bos());
    EXPECT_EQ(after->eos(), before.eos());
    for (const Json& row : parse_json(golden(rows))) {
      if (!row.contains("text")) continue;
      const auto text = row["text"].get<std::string>();
      EXPECT_EQ(after->encode(text).ids, before.encode(text).ids) << text;
    }
  }
  TemporaryFolder folder_;
};

TEST_F(GgufVocabulary, SentencePieceBpe) {
  Vocabulary vocabulary = vocabulary_from_sentence_piece(golden("sentence_piece_bpe_bytes.model"));
  // llama.cpp cuts user-defined tokens out, so that a space is put before what follows one.
  vocabulary.cuts_user_defined = true;
  set_sentence_piece_parts(vocabulary, {.charsmap = "",
                                        .add_dummy_prefix = true,
                                        .remove_extra_whitespaces = false,
                                        .escape_whitespaces = true});
  expect_the_same(*Tokenizer::from_vocabulary(vocabulary), "sentence_piece_bpe_bytes_rows.json");
}

TEST_F(GgufVocabulary, SentencePieceUnigram) {
  const Vocabulary vocabulary =
      vocabulary_from_sentence_piece(golden("sentence_piece_unigram_bytes.model"));
  expect_the_same(*Tokenizer::from_vocabulary(vocabulary),
                  "sentence_piece_unigram_bytes_rows.json");
}

TEST_F(GgufVocabulary, WordPieceWithItsTemplate) {
  Vocabulary vocabulary =
      Tokenizer::from_tokenizer_json(golden("kind_bert.json"), "bert")->vocabulary();
  vocabulary.longest_word = 100;  // BERT's own, which GGUF does not say
  const auto before = Tokenizer::from_vocabulary(vocabulary);
  expect_the_same(*before, "kind_bert_rows.json");
  const auto after = through_gguf(before->vocabulary());
  EXPECT_EQ(after->model_input("The water", "is cold").ids,
            before->model_input("The water", "is cold").ids);
  EXPECT_EQ(after->model_input("The water", "is cold").type_ids,
            before->model_input("The water", "is cold").type_ids);
}

// RoBERTa puts two separators between the texts of a pair, ModernBERT one.
TEST_F(GgufVocabulary, ByteLevelOfEncodersWithWhatStandsAroundTexts) {
  Json json = parse_json(golden("kind_roberta.json"));
  json["pre_tokenizer"]["add_prefix_space"] = json["post_processor"]["add_prefix_space"] = false;
  const auto roberta = Tokenizer::from_tokenizer_json(dump_json(json), "roberta");
  json["post_processor"]["type"] = "BertProcessing";
  const auto modern = Tokenizer::from_tokenizer_json(dump_json(json), "modern");
  for (const auto& [before, family] : {std::pair(roberta, "bert"), {modern, "modern-bert"}}) {
    const auto after = through_gguf(before->vocabulary(), family);
    EXPECT_EQ(after->model_input("The water").ids, before->model_input("The water").ids);
    EXPECT_EQ(after->model_input("The water", "is cold").ids,
              before->model_input("The water", "is cold").ids);
  }
}

TEST_F(GgufVocabulary, UnigramOfXlmRobertaWithWhatStandsAroundTexts) {
  Json json = parse_json(golden("kind_unigram.json"));
  json["post_processor"] = {{"type", "RobertaProcessing"},
                            {"sep", {"</s>", 2}},
                            {"cls", {"<s>", 1}},
                            {"trim_offsets", false},
                            {"add_prefix_space", false}};
  const auto before = Tokenizer::from_tokenizer_json(dump_json(json), "xlm-roberta");
  const auto after = through_gguf(before->vocabulary(), "bert");
  for (const char* text : {"The water is cold", "", "two  spaces"}) {
    EXPECT_EQ(after->model_input(text).ids, before->model_input(text).ids) << text;
  }
  EXPECT_EQ(after->model_input("The water", "is cold").ids,
            before->model_input("The water", "is cold").ids);
}

TEST_F(GgufVocabulary, ASplitThatHasNoNameIsRefused) {
  const auto prefixed = Tokenizer::from_tokenizer_json(golden("kind_roberta.json"), "roberta");
  EXPECT_THAT(error_of([&] { through_gguf(prefixed->vocabulary()); }), HasSubstr("pre-tokenizer"));
}

TEST_F(GgufVocabulary, AKindWithoutAPlaceIsRefused) {
  const auto words = Tokenizer::from_tokenizer_json(golden("kind_words.json"), "words");
  EXPECT_THAT(error_of([&] { through_gguf(words->vocabulary()); }), HasSubstr("no place"));
}

TEST_F(GgufVocabulary, ScoresMustBeThereAndOneForEachToken) {
  GgufWriter writer;
  writer.set("tokenizer.ggml.model", "llama");
  writer.set("tokenizer.ggml.tokens", GgufArray{std::vector<std::string>{"<unk>", "a"}});
  const Path path = folder_.path() / "m.gguf";
  writer.write(path);
  EXPECT_THAT(error_of([&] { load_tokenizer(path); }),
              HasSubstr("'tokenizer.ggml.scores' is missing"));
  writer.set("tokenizer.ggml.scores", GgufArray{std::vector<float>{0}});
  writer.write(path);
  EXPECT_THAT(error_of([&] { load_tokenizer(path); }),
              AllOf(HasSubstr("has 1 entries"), HasSubstr("has 2")));
  writer.set("tokenizer.ggml.scores", GgufArray{std::vector<float>{0, -1}});
  writer.write(path);
  EXPECT_THAT(error_of([&] { load_tokenizer(path); }),
              HasSubstr("no unknown token and no byte fallback"));
}

class SentencePieceFolder : public ::testing::Test {
 protected:
  void SetUp() override { folder_.write("tokenizer.model", golden("sentence_piece_bpe.model")); }
  TemporaryFolder folder_;
};

TEST_F(SentencePieceFolder, IsReadWithTheTokensOfItsConfiguration) {
  folder_.write(
      "tokenizer_config.json",
      R"({"tokenizer_class":"LlamaTokenizer","added_tokens_decoder":)"
      R"({"0":{"content":"<unk>","special":true},"510":{"content":"<|im_end|>","special":true}}})");
  const auto tokenizer = load_tokenizer(folder_.path());
  EXPECT_TRUE(tokenizer->add_bos());
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->find("<|im_end|>"), 510);
  EXPECT_TRUE(tokenizer->is_special(510));
  EXPECT_EQ(tokenizer->encode("The water<|im_end|>", Special::parse).ids.back(), 510);
  EXPECT_EQ(tokenizer->model_input("The water").ids.front(), 1);
}

TEST_F(SentencePieceFolder, ErrorsNameTheFile) {
  folder_.write("tokenizer.model", "\x0A\x7F");
  EXPECT_THAT(error_of([&] { load_tokenizer(folder_.path()); }),
              AllOf(HasSubstr("tokenizer.model"), HasSubstr("byte 2")));
}

}  // namespace
}  // namespace bantam
