#include "bantam/generate/stopper.h"

#include <gtest/gtest.h>

#include "bantam/base/random.h"
#include "bantam/base/utf8.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

// Byte tokens of a text.
std::vector<std::int32_t> bytes_of(std::string_view text) {
  std::vector<std::int32_t> ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

constexpr std::int32_t kEnd = 259;

StopRules rules(std::vector<std::string> stops, std::int64_t max_tokens = 1000) {
  return {{kEnd}, std::move(stops), max_tokens, 1000};
}

struct Answer {
  std::string text;
  std::vector<std::string> pieces;
  std::size_t tokens = 0;
};

Answer feed(Stopper& stopper, const std::vector<std::int32_t>& tokens) {
  Answer answer;
  for (const std::int32_t token : tokens) {
    if (stopper.stopped()) break;
    answer.pieces.push_back(stopper.push(token));
    answer.text += answer.pieces.back();
    ++answer.tokens;
  }
  return answer;
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character c = utf8_at(text, at);
    if (!c.valid) return false;
    at += c.size;
  }
  return true;
}

TEST(StopText, HoldsBackOnlyWhatMayBecomeAStopString) {
  StopText text({"END"});
  EXPECT_EQ(text.push("abcE"), "abc");
  EXPECT_EQ(text.push("N"), "");
  EXPECT_EQ(text.push("x"), "ENx");
  EXPECT_EQ(text.push("EN"), "");
  EXPECT_EQ(text.push("D and more"), "");
  EXPECT_EQ(text.found(), "END");
  EXPECT_EQ(text.push("late"), "");
}

TEST(StopText, GivesOutTheRestAtTheEnd) {
  StopText text({"</s>"});
  EXPECT_EQ(text.push("a</s"), "a");
  EXPECT_EQ(text.finish(), "</s");
  EXPECT_FALSE(text.found());
}

TEST(StopText, StopsAtTheEarliestOfSeveral) {
  StopText text({"zz", "cd"});
  EXPECT_EQ(text.push("ab cd zz"), "ab ");
  EXPECT_EQ(text.found(), "cd");
}

TEST(StopText, RepeatedBeginningsAreFound) {
  StopText text({"aab"});
  EXPECT_EQ(text.push("aa"), "");
  EXPECT_EQ(text.push("a"), "a");
  EXPECT_EQ(text.push("b"), "");
  EXPECT_EQ(text.found(), "aab");
}

TEST(StopText, AnySplitOfATextGivesTheSameAnswer) {
  const std::string whole = "one two\n\nthree STOP four";
  RandomStream stream(1, "splits");
  for (int trial = 0; trial < 200; ++trial) {
    StopText text({"STOP", "\n\n\n"});
    std::string shown;
    for (std::size_t at = 0; at < whole.size();) {
      const std::size_t size = 1 + stream.next_below(4);
      shown += text.push(std::string_view(whole).substr(at, size));
      EXPECT_EQ(shown.find("STOP"), std::string::npos);
      at += size;
    }
    EXPECT_EQ(shown + text.finish(), "one two\n\nthree ");
  }
}

TEST(Stopper, EndTokenEndsWithoutItsText) {
  Stopper stopper(tiny_tokenizer(), rules({}));
  auto tokens = bytes_of("hi");
  tokens.push_back(kEnd);
  EXPECT_EQ(feed(stopper, tokens).text, "hi");
  EXPECT_EQ(stopper.reason(), FinishReason::stop);
  EXPECT_EQ(stopper.stop(), "");
}

TEST(Stopper, AStopStringMaySpanTokensAndNothingOfItIsShown) {
  Stopper stopper(tiny_tokenizer(), rules({"\nUser:"}));
  const Answer answer = feed(stopper, bytes_of("yes\nUser: next"));
  EXPECT_EQ(answer.text, "yes");
  EXPECT_EQ(answer.tokens, 9U);
  EXPECT_EQ(stopper.reason(), FinishReason::stop);
  EXPECT_EQ(stopper.stop(), "\nUser:");
}

TEST(Stopper, MaxTokensEndsAndShowsWhatWasHeldBack) {
  Stopper stopper(tiny_tokenizer(), rules({"abcd"}, 3));
  EXPECT_EQ(feed(stopper, bytes_of("abcx")).text, "abc");
  EXPECT_EQ(stopper.reason(), FinishReason::length);
  EXPECT_FALSE(stopper.context_full());
}

TEST(Stopper, AFullContextIsToldFromMaxTokens) {
  Stopper stopper(tiny_tokenizer(), {{}, {}, 100, 2});
  feed(stopper, bytes_of("abc"));
  EXPECT_EQ(stopper.reason(), FinishReason::length);
  EXPECT_TRUE(stopper.context_full());
}

TEST(Stopper, ACharacterIsNeverCutAcrossTokens) {
  Stopper stopper(tiny_tokenizer(), rules({}));
  const std::string text = "a\xF0\x9F\x90\x93z";  // a rooster between letters
  const Answer answer = feed(stopper, bytes_of(text));
  EXPECT_EQ(answer.text, text);
  EXPECT_EQ(answer.pieces, (std::vector<std::string>{"a", "", "", "", "\xF0\x9F\x90\x93", "z"}));
}

TEST(Stopper, HalfACharacterAtTheEndBecomesAReplacement) {
  Stopper stopper(tiny_tokenizer(), rules({}, 2));
  EXPECT_EQ(feed(stopper, bytes_of("a\xF0\x9F\x90\x93")).text, "a\xEF\xBF\xBD");
}

TEST(Stopper, RandomBytesGiveValidTextInEveryPiece) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Stopper stopper(tiny_tokenizer(), rules({}, 64));
    for (const std::string& piece : feed(stopper, random_tokens(64, seed)).pieces) {
      EXPECT_TRUE(is_valid_utf8(piece));
    }
  }
}

TEST(Stopper, ReasonsHaveTheWordsOfCompletionFiles) {
  EXPECT_EQ(name_of(FinishReason::stop), "stop");
  EXPECT_EQ(name_of(FinishReason::length), "length");
  EXPECT_EQ(name_of(FinishReason::constraint), "constraint");
  EXPECT_EQ(name_of(FinishReason::tool), "tool");
}

}  // namespace
}  // namespace bantam
