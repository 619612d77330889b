#include "bantam/text/normalizer.h"

#include <gmock/gmock.h>
#include <time.h>

#include "tests/text/error_text.h"

namespace bantam {
namespace {

Normalizer normalizer(const char* type) { return Normalizer::from_json({{"type", type}}); }

std::string normalized(const char* type, std::string_view text) {
  AlignedText result(text);
  normalizer(type).apply(result);
  return std::string(result.view());
}

TEST(Normalizer, ComposesAndDecomposes) {
  EXPECT_EQ(normalized("NFC", "e\u0301"), "\u00E9");
  EXPECT_EQ(normalized("NFD", "\u00E9"), "e\u0301");
  EXPECT_EQ(normalized("NFC", "\u1100\u1161\u11A8"), "\uAC01");
  EXPECT_EQ(normalized("NFKC", "\uFB01"), "fi");
  EXPECT_EQ(normalized("NFC", "o\u0302\u0323"), "\u1ED9");
}

TEST(Normalizer, RemembersWhereEachByteCameFrom) {
  AlignedText result("xe\u0301y");
  normalizer("NFC").apply(result);
  ASSERT_TRUE(result.changed());
  EXPECT_EQ(result.view(), "x\u00E9y");
  EXPECT_EQ(result.origin(0, 1), ByteRange(0, 1));
  EXPECT_EQ(result.origin(1, 2), ByteRange(1, 4));
  EXPECT_EQ(result.origin(2, 3), ByteRange(1, 4));
  EXPECT_EQ(result.origin(3, 4), ByteRange(4, 5));
}

TEST(Normalizer, ManyMarksOnOneLetterTakeLinearTime) {  // T7
  std::string text = "a";
  for (int i = 0; i < 100'000; ++i) text += i % 2 ? "\u0301" : "\u0323";
  const clock_t start = clock();
  const std::string result = normalized("NFC", text);
  EXPECT_LT(static_cast<double>(clock() - start) / CLOCKS_PER_SEC, 1.0);
  EXPECT_EQ(result.substr(0, 3), "\u1EA1");
}

TEST(Normalizer, InvalidBytesStay) {
  EXPECT_EQ(normalized("NFC", "e\u0301\xFF\xC3"), "\u00E9\xFF\xC3");
}

TEST(Normalizer, TheLongestExpansionIsEighteenfold) {  // T7
  EXPECT_EQ(normalized("NFKC", "\uFDFA").size(), 33u);
}

TEST(Normalizer, WhatTakesThePlaceOfTextIsShort) {  // T7
  const std::string long_text(2000, 'x');
  EXPECT_THAT(error_of([&] {
                Normalizer::from_json(
                    {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", long_text}});
              }),
              testing::HasSubstr("content: expected at most 1024 bytes, found 2000"));
  EXPECT_THAT(error_of([&] {
                Normalizer::from_json({{"type", "Prepend"}, {"prepend", long_text}});
              }),
              testing::HasSubstr("prepend"));
}

TEST(Normalizer, AnUnknownTypeIsNamed) {
  EXPECT_THAT(error_of([] { normalizer("Shout"); }), testing::HasSubstr("Shout"));
}

}  // namespace
}  // namespace bantam
