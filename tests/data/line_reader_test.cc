#include "bantam/data/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> lines_of(std::string_view text) {
  LineReader reader(memory_stream(text), "f");
  std::vector<std::string> lines;
  std::string_view line;
  while (reader.next(line)) lines.emplace_back(line);
  return lines;
}

std::string error_of(std::string_view text, std::uint64_t longest = 1000) {
  LineReader reader(memory_stream(text), "f", longest);
  std::string_view line;
  try {
    while (reader.next(line)) {
    }
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LineReader, ReadsLinesWithAndWithoutALastEnd) {
  EXPECT_THAT(lines_of("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(lines_of("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of(""), ElementsAre());
}

// D4
TEST(LineReader, AcceptsAByteOrderMarkAndCarriageReturns) {
  LineReader reader(memory_stream("\xef\xbb\xbf"
                                  "a\r\nb"),
                    "f");
  std::string_view line;
  ASSERT_TRUE(reader.next(line));
  EXPECT_EQ(line, "a");
  EXPECT_TRUE(reader.had_byte_order_mark());
  EXPECT_TRUE(reader.had_carriage_returns());
}

// D4
TEST(LineReader, KeepsTheUnicodeLineSeparatorInsideALine) {
  EXPECT_THAT(lines_of("a\xe2\x80\xa8"
                       "b\n"),
              ElementsAre("a\xe2\x80\xa8"
                          "b"));
}

// D4
TEST(LineReader, NamesOffsetAndGuessOfOtherEncodings) {
  EXPECT_THAT(error_of("ok\ncaf\xe9\n"),
              HasSubstr("f:2: expected UTF-8, found byte 0xe9 at offset 6"));
  EXPECT_THAT(error_of("ok\ncaf\xe9\n"), HasSubstr("Latin-1"));
  EXPECT_THAT(error_of("\x93quoted\x94\n"), HasSubstr("Windows-1252"));
  EXPECT_THAT(error_of(std::string_view("\xff\xfe{\0", 4)), HasSubstr("UTF-16 (little-endian)"));
  EXPECT_THAT(error_of(std::string_view("\xfe\xff\0{", 4)), HasSubstr("UTF-16 (big-endian)"));
  EXPECT_THAT(error_of(std::string_view("{\0\"\0a\0", 6)), HasSubstr("UTF-16"));
}

// D5
TEST(LineReader, StopsAtTheLimitOfALineAndGoesOnAfterIt) {
  EXPECT_THAT(error_of(std::string(2000, 'x')),
              HasSubstr("f:1: the line is longer than 1,000 bytes"));
  const std::string text = std::string(500000, 'x') + "\nshort\n";
  LineReader reader(memory_stream(text), "f", 1000);
  std::string_view line;
  EXPECT_THROW(reader.next(line), Error);
  ASSERT_TRUE(reader.next(line));
  EXPECT_EQ(line, "short");
  EXPECT_EQ(reader.number(), 2);
}

TEST(FirstInvalidUtf8, FindsTheByteWhereverItStands) {
  for (std::size_t at = 0; at < 20; ++at) {
    std::string text(20, 'a');
    text[at] = '\x80';
    EXPECT_EQ(first_invalid_utf8(text), at);
  }
  EXPECT_EQ(first_invalid_utf8("größer ünïcode"), std::string_view::npos);
}

}  // namespace
}  // namespace bantam
