#include "bantam/base/utf8.h"

#include <gtest/gtest.h>

namespace bantam {
namespace {

bool valid(std::string_view text) { return utf8_at(text, 0).valid; }

TEST(Utf8, DecodesEachLength) {
  EXPECT_EQ(utf8_at("A", 0).point, 0x41u);
  EXPECT_EQ(utf8_at("é", 0).point, 0xe9u);
  EXPECT_EQ(utf8_at("猫", 0).point, 0x732bu);
  EXPECT_EQ(utf8_at("x🐓", 1).point, 0x1f413u);
  EXPECT_EQ(utf8_at("x🐓", 1).size, 4u);
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndTooLargeValues) {
  EXPECT_FALSE(valid("\xc0\x80"));
  EXPECT_FALSE(valid("\xe0\x80\x80"));
  EXPECT_FALSE(valid("\xf0\x80\x80\x80"));
  EXPECT_FALSE(valid("\xed\xa0\x80"));
  EXPECT_FALSE(valid("\xf4\x90\x80\x80"));
  EXPECT_FALSE(valid("\xf5\x80\x80\x80"));
}

TEST(Utf8, AnInvalidByteIsOneByteLong) {
  EXPECT_EQ(utf8_at("\xe7\x8c", 0).size, 1u);  // cut off
  EXPECT_FALSE(valid("\x80"));
  EXPECT_FALSE(valid("\xe7x\xab"));
}

}  // namespace
}  // namespace bantam
