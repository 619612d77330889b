#include "bantam/text/chat_message.h"

#include <gmock/gmock.h>

#include "tests/text/error_text.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::string refusal(const char* json) {
  return error_of([&] { message_from_json(parse_json(json)); });
}

TEST(ChatMessage, ReadsWhatItWrites) {
  for (
      const char* json :
      {R"({"role":"user","content":"hi"})",
       R"({"role":"assistant","content":null,"tool_calls":[{"id":"c"}]})",
       R"({"role":"assistant","content":"x","reasoning_content":"y","weight":0.5,"mood":["z"]})",
       R"({"role":"tool","content":"3","tool_call_id":"c1","name":"f"})",
       R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]})"}) {
    EXPECT_EQ(dump_json(message_to_json(message_from_json(parse_json(json)))), json);
  }
}

TEST(ChatMessage, TwoNamesOfAThoughtWithTwoTextsStayTwo) {
  const Message message = message_from_json(
      {{"role", "assistant"}, {"content", ""}, {"thinking", "a"}, {"reasoning_content", "b"}});
  EXPECT_EQ(message.reasoning_content, "b");
  EXPECT_EQ(message.extra["thinking"], "a");
  const Message same = message_from_json(
      {{"role", "assistant"}, {"content", ""}, {"thinking", "a"}, {"reasoning_content", "a"}});
  EXPECT_TRUE(same.extra.empty());
}

TEST(ChatMessage, TextPartsAreJoined) {
  EXPECT_EQ(
      message_from_json(parse_json(R"({"role":"user","content":["a",{"type":"text","text":"b"}]})"))
          .content,
      "ab");
}

TEST(ChatMessage, RefusalsNameTheKeyAndWhatIsAllowed) {  // D8
  EXPECT_THAT(
      refusal(R"({"role":"assistnat","content":"x"})"),
      HasSubstr(
          "key 'role': expected system, developer, user, assistant or tool, found 'assistnat'"));
  EXPECT_THAT(refusal(R"({"role":"user"})"), HasSubstr("'content'"));
  EXPECT_THAT(refusal(R"({"role":"user","content":null})"), HasSubstr("found null"));
  EXPECT_THAT(refusal(R"({"role":"user","content":3})"), HasSubstr("expected a string or a list"));
  EXPECT_THAT(refusal(R"({"content":"x"})"), HasSubstr("'role' is missing"));
  EXPECT_THAT(refusal(R"({"role":"assistant","content":"","weight":-1})"), HasSubstr("'weight'"));
  EXPECT_THAT(refusal(R"("x")"), HasSubstr("expected an object"));
}

}  // namespace
}  // namespace bantam
