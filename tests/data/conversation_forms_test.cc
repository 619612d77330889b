#include "bantam/data/conversation_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/data/row_fields.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::vector<Message> share_gpt(std::string_view json) {
  return messages_from_sharegpt(parse_json(json), "conversations");
}

TEST(ShareGpt, MapsSpeakersToRoles) {
  const auto messages = share_gpt(
      R"([{"from":"system","value":"s"},{"from":"human","value":"q"},{"from":"gpt","value":"a"}])");
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(messages[1].role, "user");
  EXPECT_EQ(messages[2].role, "assistant");
  EXPECT_EQ(messages[2].content, "a");
}

TEST(ShareGpt, TurnsThoughtsAndCallsIntoFieldsOfTheAssistant) {
  const auto messages = share_gpt(R"([{"from":"human","value":"q"},{"from":"thought","value":"hm"},
      {"from":"function_call","value":"{\"name\":\"add\",\"arguments\":{\"a\":1}}"},{"from":"observation","value":"3"},
      {"from":"gpt","value":"three"}])");
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[1].role, "assistant");
  EXPECT_EQ(messages[1].reasoning_content, "hm");
  EXPECT_EQ(messages[1].tool_calls[0]["function"]["name"], "add");
  EXPECT_EQ(messages[1].tool_calls[0]["function"]["arguments"], R"({"a":1})");
  EXPECT_EQ(messages[2].role, "tool");
  EXPECT_EQ(messages[3].content, "three");
}

TEST(ShareGpt, NamesAnUnknownSpeaker) {
  try {
    share_gpt(R"([{"from":"human","value":"q"},{"from":"robot","value":"a"}])");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("conversations[1]"));
    EXPECT_THAT(error.what(), HasSubstr("'robot'"));
  }
  EXPECT_THROW(share_gpt(R"([{"from":"human","value":"q"},{"from":"thought","value":"a"}])"),
               Error);
  EXPECT_THROW(share_gpt(R"([{"from":"function_call","value":"not json"}])"), Error);
}

TEST(Alpaca, WithHistoryIsAConversation) {
  const Row row = row_from_json(
      parse_json(R"({"system":"Be brief.","history":[["q1","a1"]],"instruction":"q2","input":"",
      "output":"a2"})"));
  EXPECT_EQ(row.kind, Row::Kind::chat);
  ASSERT_EQ(row.messages.size(), 5u);
  EXPECT_EQ(row.messages[0].role, "system");
  EXPECT_EQ(row.messages[2].content, "a1");
  EXPECT_EQ(row.messages[4].content, "a2");
  try {
    row_from_json(parse_json(R"({"history":[["q1"]],"instruction":"q2","output":"a2"})"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("history[0]"));
  }
}

}  // namespace
}  // namespace bantam
