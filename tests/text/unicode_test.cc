#include "bantam/text/unicode.h"

#include <gtest/gtest.h>

namespace bantam {
namespace {

TEST(Unicode, RefusesOverlongSurrogateAndTooLargeSequences) {
  for (const char* text :
       {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8", "\x80", "\xC3"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
  EXPECT_TRUE(is_valid_utf8("a\xC3\xA9\xE6\xBC\xA2\xF0\x9F\x98\x80"));
}

TEST(Unicode, RepairReplacesEachMaximalSubpartOnce) {
  // The example of the Unicode standard, table 3-8.
  EXPECT_EQ(repair_utf8("a\xF1\x80\x80\xE1\x80\xC2"
                        "b\x80"
                        "c\x80\xBF"
                        "d"),
            "a\uFFFD\uFFFD\uFFFD"
            "b\uFFFD"
            "c\uFFFD\uFFFD"
            "d");
}

TEST(Unicode, ACharacterCutByTheEndOfTextIsMarkedSo) {
  EXPECT_TRUE(code_point_at("\xF0\x9F\x98", 0).cut);
  EXPECT_FALSE(code_point_at("\xF0\x9Fx", 0).cut);
}

TEST(Unicode, FoldsCaseFully) {
  EXPECT_EQ(fold_case("STRASSE"), fold_case("stra\u00DFe"));
  EXPECT_EQ(to_upper("\u00E9\u00DF"), "\u00C9SS");
}

TEST(Unicode, MongolianVowelSeparatorIsNoWhiteSpace) {
  EXPECT_FALSE(is_white_space(0x180E));
  for (const char32_t c : {0x09, 0x20, 0x85, 0xA0, 0x2028, 0x3000}) EXPECT_TRUE(is_white_space(c));
}

}  // namespace
}  // namespace bantam
