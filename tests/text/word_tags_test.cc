// Entities of tags are compared with seqeval's: tests/golden/prediction_scores.json, made by
// tools/golden/prediction_scores.py.
#include "bantam/text/word_tags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/files.h"
#include "bantam/base/json.h"
#include "bantam/stats/set_scores.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using Tags = std::vector<std::string>;

std::vector<std::string> texts_of_words(const std::string& text) {
  std::vector<std::string> words;
  for (const auto& [begin, end] : words_of(text)) words.push_back(text.substr(begin, end - begin));
  return words;
}

TEST(WordsOf, AreRunsOfLettersAndSingleMarks) {
  EXPECT_THAT(texts_of_words("Dr. Ada  Moss's e-mail:\n5km!"),
              ElementsAre("Dr", ".", "Ada", "Moss", "'", "s", "e", "-", "mail", ":", "5km", "!"));
  EXPECT_THAT(texts_of_words("東京tower に"), ElementsAre("東", "京", "tower", "に"));
  EXPECT_THAT(texts_of_words("Szöllősy\xff\u00a0x"), ElementsAre("Szöllősy", "\xff", "x"));
  EXPECT_THAT(words_of(" \t\n"), testing::IsEmpty());
}

TEST(EntitiesOf, EqualSeqeval) {
  const Json golden =
      parse_json(read_file(Path(BANTAM_SOURCE_DIR) / "tests/golden/prediction_scores.json"));
  for (const Json& one : golden["entities"]) {
    SetScores scores;
    for (std::size_t i = 0; i < one["truth"].size(); ++i) {
      const auto truth = entities_of(one["truth"][i].get<Tags>());
      Json found = Json::array();
      for (const Entity& entity : truth) {
        found.push_back(Json::array({entity.label, entity.begin, entity.end - 1}));
      }
      EXPECT_EQ(found, one["entities"][i]) << one["truth"][i];
      scores.add(truth, entities_of(one["found"][i].get<Tags>()));
    }
    EXPECT_NEAR(scores.precision(), one["precision"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.recall(), one["recall"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.f1(), one["f1"].get<double>(), 1e-12);
  }
}

TEST(EntitiesOf, ReadTagsWithoutAPrefixAsRuns) {
  const Tags tags = {"PER", "PER", "O", "LOC"};
  EXPECT_THAT(entities_of(tags), ElementsAre(Entity{0, 2, "PER"}, Entity{3, 4, "LOC"}));
}

TEST(TagsOf, GiveTheEntitiesBack) {
  const std::vector<Entity> entities = {{0, 2, "PER"}, {2, 3, "PER"}, {4, 5, "LOC"}};
  const Tags tags = tags_of(entities, 6);
  EXPECT_THAT(tags, ElementsAre("B-PER", "I-PER", "B-PER", "O", "B-LOC", "O"));
  EXPECT_EQ(entities_of(tags), entities);
}

TEST(ContinuingTag, KeepsTheLabel) {
  EXPECT_EQ(continuing_tag("B-PER"), "I-PER");
  EXPECT_EQ(continuing_tag("I-PER"), "I-PER");
  EXPECT_EQ(continuing_tag("O"), "O");
  EXPECT_EQ(continuing_tag("NOUN"), "NOUN");
}

// [CLS] "ab" "##c" "," "de" [SEP] of "abc, de".
TEST(FirstTokens, AreThoseThatTouchAWordFirst) {
  ModelInput input;
  input.ids = {1, 2, 3, 4, 5, 6};
  input.text = {-1, 0, 0, 0, 0, -1};
  input.offsets = {{0, 0}, {0, 2}, {2, 3}, {3, 4}, {5, 7}, {0, 0}};
  const auto places = [&](const std::vector<ByteRange>& words) {
    std::string text;
    for (const WordToken& one : first_tokens(input, words)) {
      text += std::to_string(one.token) + (one.is_own ? " " : "s ");
    }
    return text;
  };
  EXPECT_EQ(places({{0, 3}, {3, 4}, {5, 7}}), "1 3 4 ");
  EXPECT_EQ(places({{0, 1}, {1, 3}, {5, 6}, {6, 7}}), "1 1s 4 4s ");
  EXPECT_EQ(places({{0, 3}, {7, 9}}), "1 -1s ");
}

}  // namespace
}  // namespace bantam
