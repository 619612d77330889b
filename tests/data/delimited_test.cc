#include "bantam/data/delimited.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::vector<Json> records_of(std::string_view text, char separator = ',') {
  LineReader lines(memory_stream(text), "t.csv");
  DelimitedReader table(lines, separator);
  std::vector<Json> records;
  Json record;
  while (table.next(record)) records.push_back(record);
  return records;
}

std::string error_of(std::string_view text) {
  try {
    records_of(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Delimited, ReadsQuotesSeparatorsAndLineEnds) {
  const auto records = records_of("text,label\n\"a, \"\"b\"\"\nc\",x\n\nplain \"q\",\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["text"], "a, \"b\"\nc");
  EXPECT_EQ(records[0]["label"], "x");
  EXPECT_EQ(records[1]["text"], "plain \"q\"");
  EXPECT_EQ(records[1]["label"], "");
}

TEST(Delimited, ReadsTabs) { EXPECT_EQ(records_of("a\tb\n1,5\t2\n", '\t')[0]["a"], "1,5"); }

TEST(Delimited, NamesLineAndColumnOfAMistake) {
  EXPECT_THAT(error_of("a,b\n1,2,3\n"),
              HasSubstr("t.csv:2: expected 2 fields as in the header, found 3"));
  EXPECT_THAT(error_of("a,b\n\"x\"y,2\n"),
              HasSubstr("t.csv:2:4: expected a separator after the closing quote"));
  EXPECT_THAT(error_of("a,b\n1,\"open\n2,3\n"),
              HasSubstr("t.csv:2:3: the quote opened here is never closed"));
}

// D6
TEST(Delimited, RefusesAHeaderThatRepeatsOrLacksNames) {
  EXPECT_THAT(error_of("a,b,a\n1,2,3\n"), HasSubstr("column 'a' appears twice"));
  EXPECT_THAT(error_of("a,,b\n1,2,3\n"), HasSubstr("no name for column 2"));
}

}  // namespace
}  // namespace bantam
