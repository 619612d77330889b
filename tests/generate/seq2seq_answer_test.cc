// What encoder-decoders answer, against transformers' generate() on the tiny random models of
// tests/golden/model/seq2seq (tools/golden/tiny_seq2seq.py).
#include "bantam/generate/seq2seq_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "bantam/base/error.h"
#include "bantam/model/safetensors.h"

namespace bantam {
namespace {

using Tokens = std::vector<std::int32_t>;

Path folder_of_cases() {
  const char* other = std::getenv("BANTAM_GOLDEN_SEQ2SEQ");
  return other != nullptr ? Path(other) : Path(BANTAM_SOURCE_DIR) / "tests/golden/model/seq2seq";
}

std::vector<std::string> names_of_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_of_cases())) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<Tokens> texts_of(const Path& folder) {
  const auto golden = SafetensorsFile::open(folder / "golden.safetensors");
  const Tensor all = golden->tensor("tokens");
  const auto ids = all.span<std::int32_t>();
  std::vector<Tokens> texts;
  auto begin = ids.begin();
  for (const double length : golden->tensor("lengths").values()) {
    const auto end = begin + static_cast<std::ptrdiff_t>(length);
    texts.emplace_back(begin, end);
    begin = end;
  }
  return texts;
}

class Seq2SeqAnswers : public testing::TestWithParam<std::string> {
 protected:
  // Those with beams, or those without.
  void expect_golden_answers(bool with_beams) {
    const Path folder = folder_of_cases() / GetParam();
    LoadedSeq2Seq loaded = load_seq2seq(folder);
    const std::vector<Tokens> texts = texts_of(folder);
    int compared = 0;
    for (const Json& record : parse_json(read_file(folder / "answers.json"))) {
      if (record["options"].contains("num_beams") != with_beams) continue;
      SCOPED_TRACE(dump_json(record));
      Json generation = loaded.generation_defaults;
      generation.update(record["options"]);
      generation["eos_token_id"] = record["end"];
      loaded.tokens =
          Seq2SeqTokens::read(parse_json(read_file(folder / "config.json")), generation);
      std::vector<std::string> told;
      Seq2SeqOptions options = seq2seq_options({}, record["options"], told);
      options.n = options.beams;
      const Completion found =
          answer_text(loaded, texts[record["text"].get<std::size_t>()], options);
      expect_answers(found, record["answers"]);
      ++compared;
    }
    EXPECT_GE(compared, with_beams ? 21 : 12);
  }

  static void expect_answers(const Completion& found, const Json& expected) {
    ASSERT_EQ(found.choices.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(found.choices[i].tokens, expected[i]["tokens"].get<Tokens>());
      if (!expected[i].contains("score")) continue;
      const double score = expected[i]["score"].get<double>();
      EXPECT_NEAR(*found.choices[i].score, score, 1e-5 * std::abs(score) + 1e-4);
    }
  }
};

TEST_P(Seq2SeqAnswers, GreedyAnswersEqualTransformers) { expect_golden_answers(false); }

TEST_P(Seq2SeqAnswers, BeamsEqualTransformers) { expect_golden_answers(true); }

TEST_P(Seq2SeqAnswers, AnEmptyTextOrTooManyAnswersAreRefused) {
  const LoadedSeq2Seq loaded = load_seq2seq(folder_of_cases() / GetParam());
  EXPECT_THROW(answer_text(loaded, {}, {}), Error);
  EXPECT_THROW(answer_text(loaded, {5, 6}, {.beams = 2, .n = 3}), Error);
  EXPECT_THROW(answer_text(loaded, {5, 100}, {.max_tokens = 2}), Error);
}

INSTANTIATE_TEST_SUITE_P(Models, Seq2SeqAnswers, testing::ValuesIn(names_of_cases()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Seq2SeqOptions, ReadsTransformersKeys) {
  const auto read = [](const char* text) {
    std::vector<std::string> told;
    return seq2seq_options({}, parse_json(text), told);
  };
  const Seq2SeqOptions options =
      read(R"({"num_beams": 4, "length_penalty": 2, "early_stopping": true, "max_length": 20})");
  EXPECT_EQ(options.beams, 4);
  EXPECT_EQ(options.length_penalty, 2);
  EXPECT_EQ(options.early_stopping, EarlyStopping::when_full);
  EXPECT_EQ(options.max_tokens, 19);
  EXPECT_EQ(read(R"({"num_beams": 2, "early_stopping": "never"})").early_stopping,
            EarlyStopping::when_proven);
  EXPECT_THROW(read(R"({"num_beams": 2, "early_stopping": "always"})"), Error);
}

}  // namespace
}  // namespace bantam
