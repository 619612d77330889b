#include "bantam/text/split_pattern.h"

#include <gmock/gmock.h>
#include <time.h>

#include "tests/text/error_text.h"

namespace bantam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::vector<std::pair<std::uint32_t, std::uint32_t>> matches(const char* pattern,
                                                             std::string_view text) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> found;
  SplitPattern(pattern).find_all(text, 0, found);
  return found;
}

TEST(SplitPattern, FindsMatchesInOrderAndSkipsEmptyOnes) {
  EXPECT_THAT(matches("a+|b", "caab"), ElementsAre(Pair(1, 3), Pair(3, 4)));
  EXPECT_THAT(matches("x*", "\u00E9x"), ElementsAre(Pair(2, 3)));
}

TEST(SplitPattern, AnExplosivePatternIsStoppedAndNamesTheByte) {  // T1
  const std::string text = "zz " + std::string(5000, 'a') + "b";
  const clock_t start = clock();
  EXPECT_THAT(error_of([&] { matches("^zz|(a+)+$|(?:(a|aa)+)+c", text); }),
              HasSubstr("pattern exceeded the match limit at byte"));
  EXPECT_LT(static_cast<double>(clock() - start) / CLOCKS_PER_SEC, 0.5);
}

TEST(SplitPattern, ManyMatchesThatAreEachJustCheapEnoughAreStoppedToo) {
  const std::string text(200'000, 'a');
  const clock_t start = clock();
  EXPECT_THAT(error_of([&] { matches("a(?=a{0,30000}[bc])|a", text); }), HasSubstr("match limit"));
  EXPECT_LT(static_cast<double>(clock() - start) / CLOCKS_PER_SEC, 3.0);
}

TEST(SplitPattern, WhiteSpaceIsTheUnicodePropertyOnly) {
  EXPECT_THAT(matches("\\s", "\u180E\u00A0"), ElementsAre(Pair(3, 5)));
  EXPECT_THAT(matches("[^\\s]+", "\u180E\u00A0"), ElementsAre(Pair(0, 3)));
  EXPECT_THAT(matches("\\S+", "\u180Ea b"), ElementsAre(Pair(0, 4), Pair(5, 6)));
}

TEST(SplitPattern, BadPatternsNameTheByte) {
  EXPECT_THAT(error_of([] { SplitPattern("a("); }), HasSubstr("byte 2"));
  EXPECT_THAT(error_of([] { SplitPattern("[a-z&&[^b]]"); }), HasSubstr("&&"));
  EXPECT_THAT(error_of([] { SplitPattern(std::string(100'000, 'a')); }), HasSubstr("at most"));
  EXPECT_THAT(error_of([] { SplitPattern(std::string(5000, '(')); }), HasSubstr("byte"));
}

TEST(SplitPattern, ALiteralHasNoOperators) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> found;
  SplitPattern::literal("a.b|\\").find_all("axb a.b|\\", 0, found);
  EXPECT_THAT(found, ElementsAre(Pair(4, 9)));
}

}  // namespace
}  // namespace bantam
