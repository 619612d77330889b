#include "bantam/generate/chat_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using testing::HasSubstr;

LoadedModel chatting(std::int64_t context = 256) {
  LoadedModel loaded = tiny_loaded(7, context);
  loaded.chat_template = ChatTemplate::built_in("chatml", special_texts(*loaded.tokenizer));
  return loaded;
}

Message message(const std::string& role, const std::string& content) {
  Message made;
  made.role = role;
  made.content = content;
  return made;
}

ChatOptions short_answers() {
  ChatOptions options;
  options.generate.max_tokens = 12;
  options.generate.ignore_eos = true;
  return options;
}

TEST(LocalChatModel, TheNextTurnReadsOnlyWhatIsNew) {
  LocalChatModel model(chatting());
  std::vector<Message> messages = {message("user", "hello there")};
  const Reply first = model.chat(messages, short_answers());
  EXPECT_EQ(first.message.role, "assistant");
  EXPECT_EQ(first.cached_tokens, 0);
  EXPECT_EQ(first.completion_tokens, 12);
  messages.push_back(first.message);
  messages.push_back(message("user", "and then?"));
  const Reply second = model.chat(messages, short_answers());
  EXPECT_GE(second.cached_tokens, first.prompt_tokens);
  LocalChatModel fresh(chatting());
  EXPECT_EQ(second.message.content, fresh.chat(messages, short_answers()).message.content);
}

TEST(LocalChatModel, StreamedTextIsTheAnswer) {
  LocalChatModel model(chatting());
  const std::vector<Message> messages = {message("user", "hi")};
  ChatOptions options = short_answers();
  std::string streamed;
  options.on_text = [&streamed](std::string_view text) { streamed += text; };
  EXPECT_EQ(model.chat(messages, options).message.content, streamed);
}

TEST(LocalChatModel, AThoughtIsStreamedApart) {
  LoadedModel loaded = tiny_loaded();
  loaded.chat_template =
      ChatTemplate::parse("{% for m in messages %}{{ m.content }}{% endfor %}<think>\n",
                          special_texts(*loaded.tokenizer));
  LocalChatModel model(std::move(loaded));
  const std::vector<Message> messages = {message("user", "hi")};
  ChatOptions options = short_answers();
  std::string thought, text;
  options.on_thought = [&thought](std::string_view piece) { thought += piece; };
  options.on_text = [&text](std::string_view piece) { text += piece; };
  const Reply reply = model.chat(messages, options);
  EXPECT_FALSE(thought.empty());
  EXPECT_EQ(thought, reply.message.reasoning_content);
  EXPECT_EQ(text, "");
}

TEST(LocalChatModel, CancellingKeepsWhatWasSaid) {
  LocalChatModel model(chatting());
  const std::vector<Message> messages = {message("user", "hi")};
  ChatOptions options = short_answers();
  int asked = 0;
  options.cancelled = [&asked] { return ++asked > 4; };
  const Reply reply = model.chat(messages, options);
  EXPECT_EQ(reply.finish_reason, FinishReason::cancelled);
  EXPECT_LT(reply.completion_tokens, 12);
}

TEST(LocalChatModel, AConversationThatDoesNotFitNamesBothNumbers) {
  LocalChatModel model(chatting(64));
  const std::vector<Message> messages = {message("user", std::string(100, 'x'))};
  try {
    model.chat(messages);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), HasSubstr("context of 64"));
  }
}

TEST(LocalChatModel, AModelWithoutATemplateIsRefused) {
  try {
    LocalChatModel model(tiny_loaded());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::refused);
    EXPECT_THAT(error.what(), HasSubstr("chat template"));
  }
}

}  // namespace
}  // namespace bantam
