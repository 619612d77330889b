#include "bantam/text/normalizer.h"

#include <gmock/gmock.h>
#include <time.h>

#include "tests/text/error_text.h"

namespace bantam {
namespace {

Normalizer normalizer(const char* type) { return Normalizer::from_json({{"type", type}}); }

std::string normalized(const char* type, std::string_view text) {
  const auto result = normalizer(type).apply(text);
  return result.changed ? result.text : std::string(text);
}

TEST(Normalizer, ComposesAndDecomposes) {
  EXPECT_EQ(normalized("NFC", "e\u0301"), "\u00E9");
  EXPECT_EQ(normalized("NFD", "\u00E9"), "e\u0301");
  EXPECT_EQ(normalized("NFC", "\u1100\u1161\u11A8"), "\uAC01");
  EXPECT_EQ(normalized("NFKC", "\uFB01"), "fi");
  EXPECT_EQ(normalized("NFC", "o\u0302\u0323"), "\u1ED9");
}

TEST(Normalizer, RemembersWhereEachByteCameFrom) {
  const auto result = normalizer("NFC").apply("xe\u0301y");
  ASSERT_TRUE(result.changed);
  EXPECT_EQ(result.text, "x\u00E9y");
  using Range = std::pair<std::uint32_t, std::uint32_t>;
  EXPECT_THAT(result.origin,
              testing::ElementsAre(Range(0, 1), Range(1, 4), Range(1, 4), Range(4, 5)));
}

TEST(Normalizer, ManyMarksOnOneLetterTakeLinearTime) {  // T7
  std::string text = "a";
  for (int i = 0; i < 100'000; ++i) text += i % 2 ? "\u0301" : "\u0323";
  const clock_t start = clock();
  const auto result = normalizer("NFC").apply(text);
  EXPECT_LT(static_cast<double>(clock() - start) / CLOCKS_PER_SEC, 1.0);
  EXPECT_EQ(result.text.substr(0, 3), "\u1EA1");
}

TEST(Normalizer, InvalidBytesStay) {
  EXPECT_EQ(normalized("NFC", "e\u0301\xFF\xC3"), "\u00E9\xFF\xC3");
}

TEST(Normalizer, TheLongestExpansionIsEighteenfold) {  // T7
  EXPECT_EQ(normalized("NFKC", "\uFDFA").size(), 33u);
}

TEST(Normalizer, AnUnknownTypeIsNamed) {
  EXPECT_THAT(error_of([] { normalizer("Lowercase"); }), testing::HasSubstr("Lowercase"));
}

}  // namespace
}  // namespace bantam
