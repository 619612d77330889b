// Folders without tokenizer.json against transformers' classes
// (tools/golden/legacy_tokenizers.py).
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "bantam/base/json.h"
#include "bantam/model/gguf.h"
#include "bantam/model/gguf_vocabulary.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/text/unicode.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Path golden(const std::string& name) {
  return Path(BANTAM_SOURCE_DIR "/tests/golden/model/legacy_tokenizers") / name;
}

std::vector<std::int32_t> ids_in(const Json& row) {
  return row["ids"].get<std::vector<std::int32_t>>();
}

void expect_row(const Tokenizer& tokenizer, const Json& row) {
  SCOPED_TRACE(dump_json(row));
  if (row.contains("first")) {
    const auto first = row["first"].get<std::string>();
    const ModelInput input = row["second"].is_null()
                                 ? tokenizer.model_input(first)
                                 : tokenizer.model_input(first, row["second"].get<std::string>());
    EXPECT_EQ(input.ids, ids_in(row));
    if (row.contains("type_ids")) {
      EXPECT_EQ(input.type_ids, row["type_ids"].get<std::vector<std::int32_t>>());
    }
    return;
  }
  if (row.contains("text")) {
    EXPECT_EQ(tokenizer.encode(row["text"].get<std::string>(), Special::parse).ids, ids_in(row));
  }
  EXPECT_EQ(repair_utf8(tokenizer.decode(ids_in(row), true)), row["decoded"].get<std::string>());
}

class LegacyTokenizer : public testing::TestWithParam<const char*> {
 protected:
  Json rows() const { return parse_json(read_file(golden(GetParam()) / "rows.json")); }
};

TEST_P(LegacyTokenizer, EqualsTheReference) {
  ASSERT_TRUE(has_tokenizer(golden(GetParam())));
  const auto tokenizer = load_tokenizer(golden(GetParam()));
  const Json expected = rows();
  ASSERT_GT(expected.size(), 90u);
  for (const Json& row : expected) expect_row(*tokenizer, row);
}

INSTANTIATE_TEST_SUITE_P(Folders, LegacyTokenizer,
                         testing::Values("bert_uncased", "bert_cased", "gpt2", "opt", "roberta",
                                         "bart", "t5", "t5_extra", "t5_bytes", "xlm_roberta",
                                         "mbart", "mbart_50", "nllb", "nllb_legacy", "marian",
                                         "m2m_100", "m2m_unigram"));

/// As tokenizer.json has it: a file that only other files can say does not come here.
class ExportedTokenizer : public LegacyTokenizer {};

TEST_P(ExportedTokenizer, EqualsTheReferenceToo) {
  const auto tokenizer = load_tokenizer(golden(GetParam()));
  const auto again = Tokenizer::from_tokenizer_json(tokenizer->to_tokenizer_json(), "written");
  EXPECT_EQ(again->vocabulary().tokens, tokenizer->vocabulary().tokens);
  for (const Json& row : rows()) expect_row(*again, row);
}

INSTANTIATE_TEST_SUITE_P(Folders, ExportedTokenizer,
                         testing::Values("bert_uncased", "bert_cased", "gpt2", "opt", "roberta",
                                         "bart", "t5", "t5_extra", "t5_bytes", "xlm_roberta",
                                         "mbart", "mbart_50", "nllb", "nllb_legacy"));

TEST(LegacyTokenizerExport, SentencePieceOfM2mBecomesTokenizerJson) {
  const auto tokenizer = load_tokenizer(golden("m2m_unigram"));
  const auto again = Tokenizer::from_tokenizer_json(tokenizer->to_tokenizer_json(), "written");
  EXPECT_EQ(again->vocabulary().tokens, tokenizer->vocabulary().tokens);
  EXPECT_EQ(again->model_input("The water is cold.").ids,
            tokenizer->model_input("The water is cold.").ids);
}

TEST(LegacyTokenizerExport, WhatOnlyOtherFilesCanSayIsRefused) {
  for (const auto& [name, pieces] : {std::pair("marian", "(4)"), {"m2m_100", "(2)"}}) {
    const auto tokenizer = load_tokenizer(golden(name));
    EXPECT_THAT(error_of([&] { tokenizer->to_tokenizer_json(); }),
                AllOf(HasSubstr("tokenizer.json has no place"), HasSubstr(pieces)))
        << name;
    GgufWriter writer;
    EXPECT_THAT(error_of([&] { set_gguf_vocabulary(writer, tokenizer->vocabulary(), 0); }),
                HasSubstr("GGUF has no place"))
        << name;
  }
}

TEST(LegacyTokenizerExport, GgufHasTheSameIds) {
  for (const char* name : {"bert_uncased", "gpt2", "t5"}) {
    const auto tokenizer = load_tokenizer(golden(name));
    GgufWriter writer;
    set_gguf_vocabulary(writer, tokenizer->vocabulary(), tokenizer->vocabulary_size());
    TemporaryFolder folder;
    const Path file = folder.path() / "m.gguf";
    writer.write(file);
    const auto again = load_tokenizer(file);
    for (const char* text :
         {"The water is cold.", "the bridge over the river", "Größe über Käse"}) {
      EXPECT_EQ(again->model_input(text).ids, tokenizer->model_input(text).ids) << name << text;
    }
  }
}

TEST(LegacyTokenizerIds, OfNllbNeedNoList) {
  TemporaryFolder folder;
  folder.write("sentencepiece.bpe.model", read_file(golden("nllb") / "sentencepiece.bpe.model"));
  folder.write("config.json", R"({"model_type":"m2m_100"})");
  const auto listed = load_tokenizer(golden("nllb")), numbered = load_tokenizer(folder.path());
  EXPECT_EQ(numbered->vocabulary().tokens, listed->vocabulary().tokens);
  EXPECT_EQ(numbered->model_input("The <water>").ids, listed->model_input("The <water>").ids);
}

class WrongLegacyFiles : public testing::Test {
 protected:
  void copy(const std::string& name) {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      std::filesystem::remove(entry.path());
    }
    for (const auto& entry : std::filesystem::directory_iterator(golden(name))) {
      folder_.write(entry.path().filename().string(), read_file(entry.path()));
    }
  }
  std::string text_of(const char* file) const { return read_file(folder_.path() / file); }
  std::string refusal() {
    return error_of([this] { load_tokenizer(folder_.path()); });
  }
  TemporaryFolder folder_;
};

TEST_F(WrongLegacyFiles, LinesOfVocabTxtAreNamed) {
  copy("bert_uncased");
  const std::string whole = text_of("vocab.txt");
  folder_.write("vocab.txt", "[PAD]\nthe\n\nthe\n" + whole);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.txt"), HasSubstr("lines 2 and 4 are both 'the'")));
  folder_.write("vocab.txt", whole + "\xff\n");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.txt: line "), HasSubstr("expected UTF-8")));
  folder_.write("vocab.txt", "\n\n");
  EXPECT_THAT(refusal(), HasSubstr("found none"));
  folder_.write("vocab.txt", "[UNK]\r\n[CLS]\r\nthe\r\n");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.txt: token '[SEP]'"), HasSubstr("sep_token")));
  folder_.write("vocab.txt", "[UNK]\r\n[CLS]\r\n\r\nthe\r\n[SEP]\r\n\r\n");  // an unused id is none
  EXPECT_EQ(load_tokenizer(folder_.path())->model_input("The").ids,
            (std::vector<std::int32_t>{1, 3, 4}));
}

TEST_F(WrongLegacyFiles, LinesOfMergesTxtAreNamed) {
  copy("gpt2");
  const std::string whole = text_of("merges.txt");
  folder_.write("merges.txt", "#version: 0.2\nt h e\n" + whole);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("merges.txt: line 2"), HasSubstr("'t h e'")));
  folder_.write("merges.txt", "#version: 0.2\n\nq q\n" + whole);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("merges.txt: line 3"), HasSubstr("'qq' is not a token")));
}

TEST_F(WrongLegacyFiles, IdsOfVocabJsonAreChecked) {
  copy("roberta");
  folder_.write("vocab.json", R"({"<s>":0,"</s>":2})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.json"), HasSubstr("'</s>' has the id 2")));
  folder_.write("vocab.json", R"({"<s>":0,"</s>":0})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.json"), HasSubstr("'<s>' and '</s>'")));
  for (const char* id : {"-1", "99999999999", "1.5", "null"}) {
    folder_.write("vocab.json", fmt::format(R"({{"<s>":0,"</s>":{}}})", id));
    EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.json"), HasSubstr("'</s>'"), HasSubstr(id)));
  }
  folder_.write("vocab.json", "[]");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.json"), HasSubstr("expected an object")));
}

TEST_F(WrongLegacyFiles, ACutModelNamesFileAndByte) {
  for (const auto& [name, file] : {std::pair("t5", "spiece.model"),
                                   {"xlm_roberta", "sentencepiece.bpe.model"},
                                   {"marian", "source.spm"},
                                   {"m2m_100", "sentencepiece.bpe.model"}}) {
    copy(name);
    const std::string whole = text_of(file);
    folder_.write(file, whole.substr(0, whole.size() - 3));
    EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("byte")));
    folder_.write(file, "no model");
    EXPECT_THAT(refusal(), HasSubstr(file));
  }
}

TEST_F(WrongLegacyFiles, AreRefusedBeforeTheyAreReadWhenTooLarge) {
  for (const auto& [name, file] :
       {std::pair("bert_uncased", "vocab.txt"), {"gpt2", "merges.txt"}, {"t5", "spiece.model"}}) {
    copy(name);
    std::filesystem::resize_file(folder_.path() / file, 600'000'000);  // a hole
    EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("limit here is 67,108,864")));
  }
}

TEST_F(WrongLegacyFiles, AClassThatIsNotKnownIsNamed) {
  for (const auto& [name, known] : {std::pair("bert_uncased", "BertTokenizer"),
                                    {"gpt2", "GPT2Tokenizer"},
                                    {"t5", "T5Tokenizer"},
                                    {"nllb", "NllbTokenizer"},
                                    {"m2m_100", "M2M100Tokenizer"},
                                    {"marian", "MarianTokenizer"}}) {
    copy(name);
    folder_.write("tokenizer_config.json", R"({"tokenizer_class":"XLNetTokenizerFast"})");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("'XLNetTokenizer'"), HasSubstr(known)));
  }
  copy("gpt2");
  folder_.write("config.json", R"({"model_type":"codegen"})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'codegen'"), HasSubstr("tokenizer_class")));
}

TEST_F(WrongLegacyFiles, SettingsAreNamed) {
  copy("t5");
  folder_.write("tokenizer_config.json", R"({"extra_ids":-1})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("extra_ids")));
  folder_.write("tokenizer_config.json", R"({"added_tokens_decoder":{"7":{"content":"</s>"}}})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("added_tokens_decoder: 7"), HasSubstr("'</s>'")));
  folder_.write("tokenizer_config.json", R"({"added_tokens_decoder":{"x":{"content":"<a>"}}})");
  EXPECT_THAT(refusal(), HasSubstr("added_tokens_decoder: x"));
  folder_.write("tokenizer_config.json", "{}");
  folder_.write("special_tokens_map.json", R"({"eos_token":5})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("special_tokens_map.json"), HasSubstr("eos_token")));
  folder_.write("special_tokens_map.json", "{}");
  folder_.write("added_tokens.json", R"({"<new>":0})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("added_tokens.json"), HasSubstr("'<new>'")));
}

TEST_F(WrongLegacyFiles, SettingsOfTranslationAreNamed) {
  copy("marian");
  folder_.write("tokenizer_config.json", R"({"separate_vocabs":true})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("separate_vocabs")));
  folder_.write("vocab.json", R"({"</s>":0,"a":1})");
  folder_.write("tokenizer_config.json", "{}");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("vocab.json"), HasSubstr("'<unk>'")));
  copy("m2m_100");
  folder_.write("tokenizer_config.json",
                R"({"tokenizer_class":"M2M100Tokenizer","src_lang":"fra"})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("src_lang"), HasSubstr("'fra'")));
  folder_.write("tokenizer_config.json",
                R"({"tokenizer_class":"M2M100Tokenizer","language_codes":"all"})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("language_codes"), HasSubstr("wmt21")));
}

TEST_F(WrongLegacyFiles, AModelOfTheOtherKindIsRefused) {
  copy("xlm_roberta");
  folder_.write("tokenizer_config.json", R"({"tokenizer_class":"NllbTokenizer"})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("sentencepiece.bpe.model"), HasSubstr("of BPE")));
  folder_.write("sentencepiece.bpe.model", read_file(golden("t5") / "spiece.model"));
  EXPECT_THAT(refusal(), HasSubstr("sentencepiece.bpe.model"));
}

}  // namespace
}  // namespace bantam
