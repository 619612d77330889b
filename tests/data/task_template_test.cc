#include "bantam/data/task_template.h"

#include <gmock/gmock.h>

#include "bantam/text/chat_template.h"
#include "tests/data/data_files.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view pattern, const Row& row) {
  try {
    fill_template(pattern, row);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(FillTemplate, FillsFieldsAndKeepsDoubledBraces) {
  Row row = labelled("a {label} b", "x");
  row.meta["n"] = 3;
  row.meta["s"] = "word";
  EXPECT_EQ(fill_template("{{{text}}} {meta.n} {meta.s}:{label}", row), "{a {label} b} 3 word:x");
}

TEST(FillTemplate, NamesMistakes) {
  const Row row = labelled("a", "x");
  EXPECT_THAT(error_of("{txt}", row), HasSubstr("unknown field {txt}"));
  EXPECT_THAT(error_of("ab{text", row), HasSubstr("character 3"));
  EXPECT_THAT(error_of("{meta.none}", row), HasSubstr("{meta.none}"));
}

TEST(ChatTemplateSource, WritesAConversationAsATrainedRow) {
  const std::string source = chat_template_source({.prompt = "'{text}'\\\nLabel:"});
  const auto chat = ChatTemplate::parse(source, {.eos = "<end>"});
  const std::vector<Message> messages = {{.role = "system", .content = "unread"},
                                         {.role = "user", .content = "{{ x }}"},
                                         {.role = "assistant", .content = "dry"}};
  EXPECT_EQ(chat->render(messages), "'{{ x }}'\\\nLabel: dry\n<end>");
}

TEST(ChatTemplateSource, IsEmptyForFieldsThatNoMessageHas) {
  EXPECT_EQ(chat_template_source({.prompt = "{text} {text_pair}"}), "");
}

}  // namespace
}  // namespace bantam
