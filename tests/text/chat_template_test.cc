#include "bantam/text/chat_template.h"

#include <gmock/gmock.h>

#include "tests/text/error_text.h"
#include "tests/text/golden_file.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::vector<Message> messages_of(const Json& list) {
  std::vector<Message> messages;
  for (const Json& item : list) messages.push_back(message_from_json(item));
  return messages;
}

TEST(ChatTemplate, ConversationsEqualTransformers) {
  const Json golden = golden_json("chat_cases.json");
  for (const Json& entry : golden["cases"]) {
    const auto chat = ChatTemplate::parse(
        golden["templates"][entry["template"].get<std::string>()].get<std::string>(),
        {.bos = "<s>", .eos = "", .pad = "", .unk = ""});
    RenderOptions options;
    options.tools = entry["tools"];
    options.add_generation_prompt = entry["add_generation_prompt"].get<bool>();
    options.variables = entry["variables"];
    EXPECT_EQ(chat->render(messages_of(entry["messages"]), options),
              entry["output"].get<std::string>())
        << dump_json(entry["title"]);
  }
}

TEST(ChatTemplate, BuiltInTemplatesRenderAndWarnOfNothing) {
  const Message messages[] = {{.role = "system", .content = "S"}, {.role = "user", .content = "U"}};
  for (const std::string& name : ChatTemplate::built_in_names()) {
    const auto chat =
        ChatTemplate::built_in(name, {.bos = "<s>", .eos = "</s>", .pad = "", .unk = ""});
    EXPECT_THAT(chat->render(messages), testing::AllOf(HasSubstr("S"), HasSubstr("U"))) << name;
    EXPECT_THAT(chat->warnings(), testing::IsEmpty()) << name;
  }
  EXPECT_EQ(
      ChatTemplate::built_in("chatml", {})
          ->render(messages, {.tools = {}, .documents = {}, .add_generation_prompt = true}),
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_THAT(error_of([] { ChatTemplate::built_in("chatlm", {}); }), HasSubstr("chatml"));
}

TEST(ChatTemplate, WarnsWhenMessagesAreIgnored) {  // C8
  const auto no_system = ChatTemplate::parse(
      "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", {});
  EXPECT_THAT(no_system->warnings(), testing::ElementsAre(HasSubstr("system message")));
  const auto deaf = ChatTemplate::parse("{{ messages[0].role }}", {});
  EXPECT_THAT(deaf->warnings(), testing::Contains(HasSubstr("last user message")));
}

TEST(ChatTemplate, ReservedVariablesAreRefused) {  // C6
  const auto chat = ChatTemplate::built_in("chatml", {});
  const Message message{.role = "user", .content = "x"};
  for (const char* name :
       {"messages", "tools", "add_generation_prompt", "bos_token", "raise_exception"}) {
    RenderOptions options;
    options.variables[name] = "mine";
    EXPECT_THAT(error_of([&] { chat->render(std::span(&message, 1), options); }),
                HasSubstr("reserved"))
        << name;
  }
}

TEST(ChatTemplate, ToolArgumentsTakeTheFormTheTemplateWants) {
  const Message as_text = message_from_json(parse_json(
      R"({"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":"{\"a\": 1}"}}]})"));
  const Message as_object = message_from_json(parse_json(
      R"({"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]})"));
  const std::string loop = "{% for m in messages %}{% for c in m.tool_calls or [] %}";
  const std::string end = "{% endfor %}{{ m.content }}{% endfor %}";
  const auto wants_object =
      ChatTemplate::parse(loop + "{{ c.function.arguments | tojson }}" + end, {});
  const auto wants_text = ChatTemplate::parse(loop + "{{ c.function.arguments + '' }}" + end, {});
  for (const Message& message : {as_text, as_object}) {
    EXPECT_EQ(wants_object->render(std::span(&message, 1)), R"({"a": 1})");
    EXPECT_THAT(wants_text->render(std::span(&message, 1)), testing::StartsWith("{\"a\":"));
  }
}

}  // namespace
}  // namespace bantam
