#include "bantam/text/response_format.h"

#include <gmock/gmock.h>

#include "bantam/text/responses/literal.h"

namespace bantam {
namespace {

const ResponseFormat& format(std::string_view name) {
  for (const ResponseFormat& format : response_formats()) {
    if (format.name == name) return format;
  }
  throw std::logic_error("no such format");
}

/// "f {"a":1}; g {}"
std::string calls_of(const Message& message) {
  std::string text;
  for (const Json& call : message.tool_calls) {
    if (!text.empty()) text += "; ";
    text += call["function"]["name"].get<std::string>() + " " +
            call["function"]["arguments"].get<std::string>();
  }
  return text;
}

struct Case {
  const char* format;
  const char* text;
  const char* calls;
  const char* reasoning;
  const char* content;
};

TEST(ResponseFormat, EveryFamilysCallsThoughtsAndTextAreToldApart) {
  const Case cases[] = {
      {"hermes",
       "<think>\nTwo.\n</think>\n\nI look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": "
       "\"x\\ny\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>",
       "f {\"a\":\"x\\ny\"}; g {}", "Two.", "I look."},
      {"function-tags",
       "<tool_call>\n<function=f>\n<parameter=a>\n[1, 2]\n</parameter>\n<parameter=b>\nx\ny\n"
       "</parameter>\n</function>\n</tool_call>",
       "f {\"a\":[1,2],\"b\":\"x\\ny\"}", "", ""},
      {"glm",
       "\n<think>Hm.</think>\nSo.\n<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>true</"
       "arg_value>\n"
       "</tool_call>\n<tool_call>g\n</tool_call>",
       "f {\"a\":true}; g {}", "Hm.", "So."},
      {"llama-3", "{\"name\": \"f\", \"parameters\": {\"a\": 2}}", "f {\"a\":2}", "", ""},
      {"llama-3", "{\"city\": \"Rome\"}", "", "", "{\"city\": \"Rome\"}"},
      {"lfm2",
       "I look.<|tool_call_start|>[f(a='b', c=True, d=[\"x\", None]), g()]<|tool_call_end|>",
       "f {\"a\":\"b\",\"c\":true,\"d\":[\"x\",null]}; g {}", "", "I look."},
      {"gemma-4",
       "<|channel>thought\nTwo.\n<channel|><|tool_call>call:f{a:[<|\"|>w<|\"|>],b:{c:-1.5,d:null}}"
       "<tool_call|>Done.",
       "f {\"a\":[\"w\"],\"b\":{\"c\":-1.5,\"d\":null}}", "Two.", "Done."},
      {"harmony",
       "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>"
       "I look.<|end|><|start|>assistant to=functions.f<|channel|>commentary "
       "json<|message|>{\"a\": "
       "1}<|call|>",
       "f {\"a\":1}", "Hm.", "I look."},
      {"harmony", "<|channel|>final<|message|>It is 20.<|return|>", "", "", "It is 20."},
      {"deepseek",
       "Ok.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": "
       "1}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       "f {\"a\":1}", "", "Ok."},
      {"deepseek",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>"
       "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       "f {\"a\":1}; g {}", "", ""},
      {"command",
       "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[{\"tool_call_id\": \"0\", "
       "\"tool_name\": \"f\", \"parameters\": {\"a\": 1}}]<|END_ACTION|>",
       "f {\"a\":1}", "Hm.", ""},
      {"command", "<|START_RESPONSE|>Yes.<|END_RESPONSE|>", "", "", "Yes."},
      {"mistral", "[TOOL_CALLS]f[ARGS]{\"a\": 1}[TOOL_CALLS]g[ARGS]{}", "f {\"a\":1}; g {}", "",
       ""},
      {"mistral-list", "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"x\"}]",
       "f {\"a\":1}", "", ""},
      {"granite", "<|tool_call|>[{\"name\": \"f\", \"arguments\": {}}]", "f {}", "", ""},
      {"invoke-tags",
       "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"a\">1</parameter>\n</invoke>\n"
       "<invoke name=\"g\">\n</invoke>\n</minimax:tool_call>",
       "f {\"a\":1}; g {}", "", ""},
      {"atem",
       " to=self<|message|>Hm.<|eom|><|start|>assistant to=f<|message|><atem:function_calls>\n"
       "<atem:invoke name=\"f\">\n<atem:parameter name=\"a\">x</atem:parameter>\n</atem:invoke>\n"
       "</atem:function_calls><|eot|>",
       "f {\"a\":\"x\"}", "Hm.", ""},
      {"thoughts", "<think>Hm.</think>Yes. <tool_call>", "", "Hm.", "Yes. <tool_call>"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const Message message = parse_response(c.text, format(c.format));
    EXPECT_EQ(calls_of(message), c.calls);
    EXPECT_EQ(message.reasoning_content, c.reasoning);
    EXPECT_EQ(message.content, c.content);
  }
}

TEST(ResponseFormat, AThoughtMayBeginInThePromptAndMayBeCut) {
  const ResponseFormat& hermes = format("hermes");
  EXPECT_EQ(parse_response("Hm.\n</think>\n\nYes", hermes, "<think>\n").reasoning_content, "Hm.");
  const Message cut = parse_response("Hm. And", hermes, "<|im_start|>assistant\n<think>\n");
  EXPECT_EQ(cut.reasoning_content, "Hm. And");
  EXPECT_EQ(cut.content, "");
  EXPECT_EQ(parse_response("<think>Hm. And", hermes).reasoning_content, "Hm. And");
}

TEST(ResponseFormat, WhatIsNoCallStaysText) {
  const ResponseFormat& hermes = format("hermes");
  for (const char* text : {"<tool_call>\nnot json\n</tool_call>",
                           "<tool_call>{\"name\": 3}</tool_call>", "<tool_call>", "</tool_call>"}) {
    const Message message = parse_response(text, hermes);
    EXPECT_TRUE(message.tool_calls.is_null()) << text;
    EXPECT_EQ(message.content, text);
  }
  const Message nameless = parse_response(
      "<|start|>assistant to=functions.<|channel|>commentary json<|message|>{}<|call|>",
      format("harmony"));
  EXPECT_TRUE(nameless.tool_calls.is_null());
  EXPECT_EQ(nameless.content, "{}");
  const Message cut =
      parse_response("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, ", hermes);
  EXPECT_TRUE(cut.tool_calls.is_null());
}

TEST(ResponseFormat, ToolsSayWhichArgumentsAreStrings) {
  const Json tools = parse_json(
      R"([{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"type":"string"}}}}}])");
  const char* text =
      "<tool_call><function=f><parameter=a>\n12\n</parameter><parameter=b>\n12\n</parameter>"
      "</function></tool_call>";
  EXPECT_EQ(calls_of(parse_response(text, format("function-tags"), "", tools)),
            "f {\"a\":\"12\",\"b\":12}");
  EXPECT_EQ(calls_of(parse_response(text, format("function-tags"))), "f {\"a\":12,\"b\":12}");
}

TEST(ResponseFormat, ArgumentsMayBeJsonWithinJson) {
  EXPECT_EQ(
      calls_of(parse_response(R"(<tool_call>{"name": "f", "arguments": "{\"a\": 1}"}</tool_call>)",
                              format("hermes"))),
      "f {\"a\":1}");
}

TEST(ResponseFormat, IsFoundByTheTemplatesMarks) {
  EXPECT_EQ(response_format_of("{{ '<tool_call>' }}").name, "hermes");
  EXPECT_EQ(response_format_of("<tool_call>\n<function=").name, "function-tags");
  EXPECT_EQ(response_format_of("{{ messages }}").name, "thoughts");
}

std::string literal(std::string_view text) {
  const auto value = read_literal(text);
  return value ? dump_json(*value) + "|" + std::string(text) : "none";
}

TEST(Literal, ReadsJsonPythonAndBareKeys) {
  EXPECT_EQ(literal(R"( {"a": [1, 2.5, -3e2], "b": {"c": null}} rest)"),
            R"({"a":[1,2.5,-300.0],"b":{"c":null}}| rest)");
  EXPECT_EQ(literal(R"({'a': True, 'b': ('x', None,), c: 1})"),
            R"({"a":true,"b":["x",null],"c":1}|)");
  EXPECT_EQ(literal(R"("é\n\u00e9\ud83d\ude00\ud83d\'")"), "\"é\\né😀\uFFFD'\"|");
  EXPECT_EQ(literal(R"('\d\x41')"), R"("\\dA"|)");
}

TEST(Literal, RefusesWhatIsNone) {
  for (const char* text : {"", "{", "[1", "[1 2]", "{\"a\" 1}", "\"open", "nothing", "1e999", "--1",
                           "\"\\u12\"", "{:1}"}) {
    EXPECT_EQ(literal(text), "none") << text;
  }
  EXPECT_EQ(literal(std::string(65, '[') + std::string(65, ']')), "none");
  EXPECT_NE(literal(std::string(64, '[') + std::string(64, ']')), "none");
}

}  // namespace
}  // namespace bantam
