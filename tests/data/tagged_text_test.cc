#include "bantam/data/tagged_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/data/row_fields.h"

namespace bantam {
namespace {

using testing::ElementsAre;

Row row_of(std::string_view json) { return row_from_json(parse_json(json)); }

TEST(TaggedText, SpansOfCharactersBecomeTagsOfWords) {
  const TaggedText tagged = tagged_text(row_of(
      R"({"text":"Zoë Ro, Paris","spans":[{"start":8,"end":13,"label":"LOC"},{"start":0,"end":6,"label":"PER"}]})"));
  EXPECT_THAT(tagged.tags, ElementsAre("B-PER", "I-PER", "O", "B-LOC"));
  EXPECT_EQ(tagged.words.back(), (ByteRange{9, 14}));
  EXPECT_FALSE(tagged.was_widened);
}

TEST(TaggedText, ASpanThatCutsAWordHasAllOfIt) {
  const TaggedText tagged =
      tagged_text(row_of(R"({"text":"ran 5km","spans":[{"start":4,"end":5,"label":"N"}]})"));
  EXPECT_THAT(tagged.tags, ElementsAre("O", "B-N"));
  EXPECT_TRUE(tagged.was_widened);
}

TEST(TaggedText, ASpanOfWhiteSpaceHasNoWord) {
  EXPECT_THAT(
      tagged_text(row_of(R"({"text":"a b","spans":[{"start":1,"end":2,"label":"N"}]})")).tags,
      ElementsAre("O", "O"));
}

TEST(TaggedText, SpansThatShareAWordAreRefused) {
  const Row row = row_of(
      R"({"id":"r","text":"New York Times","spans":[{"start":0,"end":14,"label":"ORG"},{"start":0,"end":8,"label":"LOC"}]})");
  EXPECT_THAT([&] { tagged_text(row); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("share a word")));
}

TEST(TaggedText, WordsAndTagsAreTakenAsGiven) {
  const Row row = row_of(R"({"tokens":["Dr.","Zoë","ran"],"tags":["O","B-PER","O"]})");
  const TaggedText tagged = tagged_text(row);
  EXPECT_THAT(tagged.words, ElementsAre(ByteRange{0, 3}, ByteRange{4, 8}, ByteRange{9, 12}));
  EXPECT_THAT(tagged.tags, ElementsAre("O", "B-PER", "O"));
}

TEST(TagsOf, AreThoseGivenAndThreeOfEachLabel) {
  const Dataset rows({row_of(R"({"text":"a","spans":[{"start":0,"end":1,"label":"X"}]})"),
                      row_of(R"({"tokens":["a"],"tags":["S-Y"]})")});
  EXPECT_THAT(tags_of(rows), ElementsAre("B-X", "I-X", "O", "S-Y"));
}

}  // namespace
}  // namespace bantam
