#include "bantam/text/response_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

const ResponseFormat& format(std::string_view name) {
  for (const ResponseFormat& format : response_formats()) {
    if (format.name == name) return format;
  }
  throw internal_error("no format {}", name);
}

struct Streamed {
  std::string thought, content;
  std::string early;  ///< content before the end
};

// The answer a byte at a time, as the finest tokens would bring it.
Streamed streamed(const char* name, std::string_view text, std::string_view prompt_end = "") {
  ResponseStream stream(format(name), std::string(prompt_end));
  Streamed all;
  for (const char c : text) {
    const ResponseStream::Shown shown = stream.push(std::string_view(&c, 1));
    all.thought += shown.thought;
    all.content += shown.content;
  }
  all.early = all.content;
  const auto rest = stream.finish(parse_response(text, format(name), prompt_end));
  all.thought += rest.thought;
  all.content += rest.content;
  return all;
}

struct Case {
  const char* format;
  const char* text;
  const char* prompt_end = "";
};

TEST(ResponseStream, PiecesJoinedAreTheAnswerTakenApart) {
  const Case cases[] = {
      {"thoughts", "Just text with < and <thin lines."},
      {"thoughts", "<think>\nTwo.\n\nThree.\n</think>\n\nFour.\n\nFive. "},
      {"thoughts", "Two.</think>Four.", "<think>\n"},
      {"thoughts", "<think>cut short"},
      {"hermes",
       "<think>Hm.</think>I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n"
       "</tool_call>"},
      {"hermes", "<tool_call>no JSON</tool_call> and <tool_call>neither"},
      {"llama-3", "{\"name\": \"f\", \"parameters\": {\"a\": 2}}"},
      {"llama-3", "{\"city\": \"Rome\"}"},
      {"llama-3", "No call at all: {\"a\"}"},
      {"mistral", "[THINK]Hm.[/THINK]Yes.[TOOL_CALLS]f[ARGS]{\"a\": 1}"},
      {"command", "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>"},
      {"gemma-4", "<|channel>thought\nTwo.\n<channel|>Done."},
      {"harmony",
       "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
       "<|start|>assistant"},
  };
  for (const Case& one : cases) {
    const Message whole = parse_response(one.text, format(one.format), one.prompt_end);
    const Streamed pieces = streamed(one.format, one.text, one.prompt_end);
    EXPECT_EQ(pieces.thought, whole.reasoning_content) << one.format << ": " << one.text;
    EXPECT_EQ(pieces.content, whole.content) << one.format << ": " << one.text;
  }
}

TEST(ResponseStream, WhatIsDecidedDoesNotWaitForTheEnd) {
  EXPECT_EQ(streamed("hermes", "<think>Hm.</think>I look. <tool_call>{").early, "I look.");
  EXPECT_EQ(streamed("thoughts", "One two").early, "One two");
  EXPECT_EQ(streamed("llama-3", "One two").early, "One two");
  EXPECT_EQ(streamed("harmony", "<|channel|>final<|message|>One two", "<|start|>assistant").early,
            "One two");
}

TEST(ResponseStream, MarksAreTheTokensOfAFormat) {
  EXPECT_TRUE(is_written_with(format("mistral"), "[TOOL_CALLS]"));
  EXPECT_TRUE(is_written_with(format("gemma-4"), "<channel|>"));
  EXPECT_TRUE(is_written_with(format("harmony"), "<|message|>"));
  EXPECT_FALSE(is_written_with(format("hermes"), "<|im_start|>"));
  EXPECT_FALSE(is_written_with(format("hermes"), ""));
}

}  // namespace
}  // namespace bantam
