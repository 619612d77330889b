#include "bantam/model/translation_languages.h"

#include <gmock/gmock.h>

#include "bantam/model/load_tokenizer.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<const Tokenizer> golden(const std::string& name) {
  return load_tokenizer(Path(BANTAM_SOURCE_DIR "/tests/golden/model/legacy_tokenizers") / name);
}

std::string input(const Tokenizer& tokenizer, std::string_view text) {
  std::string out;
  for (const std::int32_t id : tokenizer.model_input(text).ids) {
    out += out.empty() ? "" : " ";
    out += tokenizer.vocabulary().tokens[static_cast<std::size_t>(id)];
  }
  return out;
}

std::string usage_error_of(const std::shared_ptr<const Tokenizer>& tokenizer,
                           std::string_view code) {
  return error_of([&] { with_source_language(tokenizer, code); }, Error::Kind::usage);
}

TEST(TranslationLanguages, AreListedWithoutSigns) {
  EXPECT_EQ(language_codes(*golden("nllb")).size(), 202u);
  EXPECT_EQ(language_codes(*golden("nllb")).front(), "ace_Arab");
  EXPECT_EQ(language_codes(*golden("mbart")).size(), 25u);
  EXPECT_EQ(language_codes(*golden("mbart_50")).size(), 52u);
  EXPECT_EQ(language_codes(*golden("m2m_100")).size(), 100u);
  EXPECT_EQ(language_codes(*golden("m2m_100")).back(), "zu");
  EXPECT_THAT(language_codes(*golden("marian")), ::testing::UnorderedElementsAre("fra", "deu"));
  EXPECT_THAT(language_codes(*golden("t5")), IsEmpty());
}

TEST(TranslationLanguages, ASourceLanguageTakesThePlaceOfAnother) {
  const auto around = [](const char* name, const char* code) {
    return input(*with_source_language(golden(name), code), "");
  };
  EXPECT_EQ(around("nllb", "deu_Latn"), "deu_Latn </s>");
  EXPECT_EQ(around("nllb_legacy", "deu_Latn"), "</s> deu_Latn");
  EXPECT_EQ(around("mbart", "ro_RO"), "</s> ro_RO");
  EXPECT_EQ(around("mbart_50", "sl_SI"), "sl_SI </s>");
  EXPECT_EQ(around("m2m_100", "de"), "__de__ </s>");
  EXPECT_EQ(around("m2m_100", "__zh__"), "__zh__ </s>");
}

TEST(TranslationLanguages, ATokenizerJsonHasThemToo) {
  const auto read = Tokenizer::from_tokenizer_json(golden("nllb")->to_tokenizer_json(), "written");
  EXPECT_EQ(language_codes(*read).size(), 202u);
  EXPECT_EQ(input(*with_source_language(read, "fra_Latn"), ""), "fra_Latn </s>");
}

TEST(TranslationLanguages, ATargetLanguageIsTheFirstTokenOfAnswers) {
  const auto nllb = golden("nllb"), m2m = golden("m2m_100");
  EXPECT_EQ(with_target_language(nllb, "fra_Latn").first_token, nllb->find("fra_Latn"));
  EXPECT_EQ(with_target_language(nllb, "fra_Latn").tokenizer, nllb);
  EXPECT_EQ(with_target_language(m2m, "fr").first_token, m2m->find("__fr__"));
}

TEST(TranslationLanguages, MarianIsToldTheTargetInFrontOfTheText) {
  const auto marian = golden("marian");
  for (const char* code : {"fra", ">>fra<<"}) {
    const TargetLanguage target = with_target_language(marian, code);
    EXPECT_FALSE(target.first_token.has_value());
    EXPECT_EQ(target.tokenizer->model_input("The bread.").ids,
              marian->model_input(">>fra<< The bread.").ids);
  }
  EXPECT_THAT(usage_error_of(marian, "fra"), HasSubstr("of its answers only"));
}

TEST(TranslationLanguages, AnUnknownCodeIsAnsweredWithThoseNear) {
  EXPECT_THAT(usage_error_of(golden("nllb"), "fr"), AllOf(HasSubstr("fra_Latn"), HasSubstr("202")));
  EXPECT_THAT(usage_error_of(golden("nllb"), "zho"),
              AllOf(HasSubstr("zho_Hans"), HasSubstr("zho_Hant")));
  EXPECT_THAT(usage_error_of(golden("m2m_100"), "__fra__"), HasSubstr("nearest: fr"));
  EXPECT_THAT(usage_error_of(golden("nllb"), "Klingon\n"), HasSubstr("ace_Arab"));
  EXPECT_THAT(usage_error_of(golden("t5"), "fr"), HasSubstr("no tokens of languages"));
}

}  // namespace
}  // namespace bantam
