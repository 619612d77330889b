#include "bantam/text/stream_decoder.h"

#include <gtest/gtest.h>

#include "bantam/text/unicode.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

class StreamDecoding : public testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> tokenizer =
      Tokenizer::from_tokenizer_json(golden_text("tiny_digits.json"), "tiny");

  std::string streamed(const std::vector<std::int32_t>& ids) {
    StreamDecoder decoder(tokenizer);
    std::string all;
    for (const std::int32_t id : ids) {
      const std::string part = decoder.push(id);
      EXPECT_TRUE(is_valid_utf8(part));
      all += part;
    }
    return all + decoder.finish();
  }
};

TEST_F(StreamDecoding, PartsJoinedAreTheTextAndNeverCutACharacter) {
  for (const Json& row : golden_json("tiny_digits_ids.json")) {
    EXPECT_EQ(streamed(row["ids"].get<std::vector<std::int32_t>>()),
              row["text"].get<std::string>());
  }
}

TEST_F(StreamDecoding, InvalidBytesBecomeReplacementCharacters) {  // L9
  const std::string bytes =
      "a\xF0\x9F\x98"
      "b\xFF\xE2\x82";
  EXPECT_EQ(streamed(tokenizer->encode(bytes).ids), repair_utf8(bytes));
}

TEST_F(StreamDecoding, SpecialTokensAreSkippedUnlessWanted) {
  const auto ids = tokenizer->encode("a<|end|>b", Special::parse).ids;
  EXPECT_EQ(streamed(ids), "ab");
  StreamDecoder all(tokenizer, false);
  std::string text;
  for (const std::int32_t id : ids) text += all.push(id);
  EXPECT_EQ(text, "a<|end|>b");
}

}  // namespace
}  // namespace bantam
