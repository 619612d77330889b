#include "bantam/base/error.h"

#include "tests/base/expect_error.h"

namespace bantam {
namespace {

TEST(Error, TheKindIsTheExitCode) {
  EXPECT_EQ(usage_error("x").exit_code(), 2);
  EXPECT_EQ(input_error("x").exit_code(), 3);
  EXPECT_EQ(resource_error("x").exit_code(), 4);
  EXPECT_EQ(refused_error("x").exit_code(), 7);
  EXPECT_EQ(internal_error("x").exit_code(), 70);
}

TEST(Error, AtPutsThePlaceInFrontAndKeepsTheKind) {
  const Error error = input_error("expected {}, found {}", 1, 2).at("rows.jsonl:3");
  EXPECT_STREQ(error.what(), "rows.jsonl:3: expected 1, found 2");
  EXPECT_EQ(error.kind(), Error::Kind::input);
}

TEST(WithCommas, GroupsDigitsByThree) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(91226112), "91,226,112");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
  EXPECT_EQ(with_commas(INT64_MIN), "-9,223,372,036,854,775,808");
}

TEST(Escaped, PlainAndAccentedTextIsUntouched) { EXPECT_EQ(escaped("a é 猫"), "a é 猫"); }

TEST(Escaped, ControlCharactersQuotesAndBadBytesAreShownAsHex) {
  EXPECT_EQ(escaped("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
  EXPECT_EQ(escaped("'\"\\"), "\\x27\\x22\\x5c");
  EXPECT_EQ(escaped("\xff\xc3"), "\\xff\\xc3");
}

TEST(Escaped, CharactersThatReorderALineAreShownAsHex) {
  EXPECT_EQ(escaped("a\u202eb"), "a\\xe2\\x80\\xaeb");
}

TEST(Escaped, LongTextIsCutAtACharacter) { EXPECT_EQ(escaped("ééé", 2), "éé…"); }

}  // namespace
}  // namespace bantam
