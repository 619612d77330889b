#include "bantam/cli/answer_printer.h"

#include <gtest/gtest.h>

#include "bantam/base/progress.h"

namespace bantam {
namespace {

Json call(const char* name, const char* arguments) {
  return {{"id", "call_1"},
          {"type", "function"},
          {"function", {{"name", name}, {"arguments", arguments}}}};
}

std::string printed(bool shows_reasoning, std::string_view content, const Json& calls) {
  const SharedOptions shared;
  Session session({}, shared, Json::object(), silent_progress());
  testing::internal::CaptureStdout();
  AnswerPrinter printer(session, shows_reasoning);
  printer.thought("Hm");
  printer.thought(".");
  if (!content.empty()) printer.content(content);
  printer.finish(calls);
  return testing::internal::GetCapturedStdout();
}

TEST(AnswerPrinter, ThoughtsAreLeftOutOrMarked) {
  EXPECT_EQ(printed(false, "Yes.", nullptr), "Yes.\n");
  EXPECT_EQ(printed(true, "Yes.", nullptr), "<think>\nHm.\n</think>\n\nYes.\n");
  EXPECT_EQ(printed(true, "", nullptr), "<think>\nHm.\n</think>\n");
}

TEST(AnswerPrinter, CallsAreALineOfJsonEach) {
  const Json calls = {call("f", R"({"a":[1,"x"]})"), call("g", "{}")};
  EXPECT_EQ(printed(false, "I look.", calls),
            "I look.\n{\"name\":\"f\",\"arguments\":{\"a\":[1,\"x\"]}}\n"
            "{\"name\":\"g\",\"arguments\":{}}\n");
  EXPECT_EQ(printed(false, "", Json::array({call("g", "{}")})),
            "{\"name\":\"g\",\"arguments\":{}}\n");
}

}  // namespace
}  // namespace bantam
