#include "bantam/base/json.h"

#include <cmath>
#include <limits>

#include "bantam/base/python_json.h"
#include "tests/base/expect_error.h"

namespace bantam {
namespace {

TEST(ParseJson, KeepsTheOrderOfKeysAndTheTypesOfNumbers) {
  const Json value = parse_json(R"({"b": [1, -2, 3.5, true, null, {}], "a": "\u00e9"})");
  EXPECT_EQ(dump_json(value), R"({"b":[1,-2,3.5,true,null,{}],"a":"é"})");
  EXPECT_TRUE(value["b"][0].is_number_integer());
  EXPECT_EQ(parse_json("18446744073709551615").get<std::uint64_t>(), ~std::uint64_t{0});
}

TEST(ParseJson, ABrokenTextIsPlacedByLineAndColumn) {
  EXPECT_ERROR(parse_json("{\"a\": 1,\n  \"é\": [1, 2,}"), input, "line 2, column 14",
               "unexpected '}'");
  EXPECT_ERROR(parse_json(""), input, "line 1", "unexpected end of input");
  EXPECT_ERROR(parse_json("{} x"), input, "line 1, column 4");
  EXPECT_ERROR(parse_json("[1, NaN]"), input, "line 1");
}

TEST(ParseJson, EveryPrefixOfAValidTextIsRefused) {
  const std::string text = R"({"a": ["x", {"b": 1.5e3}], "c": "\ud83d\ude00"})";
  for (std::size_t n = 0; n < text.size(); ++n) {
    EXPECT_THROW(parse_json(std::string_view(text).substr(0, n)), Error) << n;
  }
}

TEST(ParseJson, DuplicateKeysAreNamedWithTheirPlace) {
  EXPECT_ERROR(parse_json("{\"a\": 1,\n \"a\": 2}"), input, "line 2", "key 'a' appears twice");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_ERROR(parse_json(many + "\"k3\":1}"), input, "'k3' appears twice");
  EXPECT_EQ(parse_json("{\"a\": 1, \"a\": 2}", {.refuse_duplicate_keys = false})["a"], 2);
}

TEST(ParseJson, NestingBeyondTheLimitIsRefusedWithoutRecursion) {
  EXPECT_ERROR(parse_json(std::string(65, '[')), input, "deeper than 64", "column 65");
  EXPECT_ERROR(parse_json(std::string(1'000'000, '[')), input, "deeper than 64");
  EXPECT_EQ(parse_json(std::string(64, '[') + std::string(64, ']')).size(), 1u);
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(parse_json(deep, {.depth = 100'000}).size(), 1u);
}

TEST(ParseJson, NumbersThatNothingHoldsAreRefused) {
  EXPECT_ERROR(parse_json("[1e999]"), input, "1e999");
  EXPECT_ERROR(parse_json("[36893488147419103232]"), input, "36893488147419103232", "64 bits");
  EXPECT_EQ(parse_python_json("[36893488147419103232]")[0], 0x1p65);
}

TEST(ParseJson, InvalidUtf8AndLoneSurrogatesAreRefused) {
  EXPECT_ERROR(parse_json("\"\xff\""), input, "line 1");
  EXPECT_ERROR(parse_json("\"\xc0\x80\""), input, "line 1");
  EXPECT_ERROR(parse_json("\"\\ud800\""), input, "line 1");
}

TEST(ParseJson, AByteOrderMarkIsSkipped) { EXPECT_EQ(parse_json("\xef\xbb\xbf[1]")[0], 1); }

TEST(ParseJson, AVocabularyOfFiftyThousandKeysTakesNoSquareTime) {
  std::string text = "{";
  for (int i = 0; i < 50'000; ++i)
    text += (i ? ",\"token" : "\"token") + std::to_string(i) + "\":" + std::to_string(i);
  EXPECT_EQ(parse_json(text + "}").size(), 50'000u);
}

TEST(DumpJson, NeverThrows) {
  EXPECT_EQ(dump_json(std::nan("")), "null");
  EXPECT_EQ(dump_json(-std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(dump_json(std::string("a\xff")), "\"a\uFFFD\"");
}

}  // namespace
}  // namespace bantam
