#include "bantam/text/charsmap.h"

#include <gmock/gmock.h>

#include "tests/text/error_text.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::string golden_map() {
  const Json file = golden_json("kind_unigram.json");
  return decode_base64(
      file["normalizer"]["normalizers"][0]["precompiled_charsmap"].get<std::string>());
}

TEST(Charsmap, FindsTheLongestAndTheShortestEntry) {
  const Charsmap map(golden_map());
  EXPECT_EQ(map.longest("\uFB01x")->text, "fi");
  EXPECT_EQ(map.longest("e\u0301")->length, 3u);
  EXPECT_EQ(map.shortest("\u00BD")->text, "1/2");
  EXPECT_FALSE(map.longest("x").has_value());
  EXPECT_FALSE(map.longest("").has_value());
  EXPECT_FALSE(Charsmap().longest("x").has_value());
}

TEST(Charsmap, CutAtAnyByteItIsRefusedOrAnswersInBounds) {  // T8
  const std::string whole = golden_map();
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const std::string error = error_of([&] {
      const Charsmap map(whole.substr(0, length));
      for (const char* text : {"\uFB01", "\uFF21", "e\u0301", "\uFDFA", "\u3000"})
        map.longest(text);
    });
    EXPECT_THAT(error, testing::AnyOf("(nothing thrown)", HasSubstr("charsmap: ")));
  }
}

TEST(Charsmap, RandomBytesNeverLeaveTheMap) {
  std::uint32_t state = 1;
  for (int round = 0; round < 200; ++round) {
    std::string blob("\0\2\0\0", 4);  // a trie of 512 bytes
    while (blob.size() < 600)
      blob += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    blob += '\0';
    error_of([&] {
      const Charsmap map(blob);
      for (int c = 1; c < 256; ++c) map.longest(std::string(3, static_cast<char>(c)));
    });
  }
}

TEST(Base64, BothWays) {
  for (const char* text : {"", "a", "ab", "abc", "abcd"}) {
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
  }
  EXPECT_EQ(encode_base64("ab"), "YWI=");
  EXPECT_THAT(error_of([] { decode_base64("ab*d"); }), HasSubstr("byte 2"));
  EXPECT_THAT(error_of([] { decode_base64("abcde"); }), HasSubstr("cut"));
}

}  // namespace
}  // namespace bantam
