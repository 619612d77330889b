#include "bantam/cli/layout.h"

#include <gtest/gtest.h>

namespace bantam {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("é"), 1);
  EXPECT_EQ(display_width("e\u0301"), 1);  // a combining accent
  EXPECT_EQ(display_width("猫"), 2);
  EXPECT_EQ(display_width("\x1b[1mabc\x1b[0m"), 3);
}

TEST(Cut, NeverHalvesACharacter) {
  EXPECT_EQ(cut("abcdef", 4), "abc…");
  EXPECT_EQ(cut("猫猫猫", 4), "猫…");
  EXPECT_EQ(cut("abc", 3), "abc");
}

TEST(Padded, FillsToTheWidth) {
  EXPECT_EQ(padded("é", 3), "é  ");
  EXPECT_EQ(padded("7", 3, true), "  7");
  EXPECT_EQ(padded("long", 2), "long");
}

TEST(Wrap, BreaksAtSpacesAndIndentsLaterLines) {
  EXPECT_EQ(wrap("one two three", 8), "one two\nthree");
  EXPECT_EQ(wrap("one two", 7, 2), "one\n  two");
  EXPECT_EQ(wrap("a\n\nb", 20, 2), "a\n\n  b");
  EXPECT_EQ(wrap("unbreakable", 5), "unbreakable");
}

}  // namespace
}  // namespace bantam
