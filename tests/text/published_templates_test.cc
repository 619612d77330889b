// Chat templates that are published elsewhere, installed for the test and not stored:
// tools/golden/published_templates.py says how.
#include <gmock/gmock.h>

#include <cstdlib>
#include <ctime>
#include <optional>

#include "bantam/base/files.h"
#include "bantam/text/chat_template.h"
#include "bantam/text/response_format.h"
#include "tests/text/error_text.h"

namespace bantam {
namespace {

class PublishedTemplates : public testing::Test {
 protected:
  void SetUp() override {
    const char* file = std::getenv("BANTAM_GOLDEN_TEMPLATES");
    if (file == nullptr) GTEST_SKIP() << "BANTAM_GOLDEN_TEMPLATES names no file";
    golden_ = parse_json(read_file(file));
  }
  std::string source(const Json& entry) const {
    return golden_["templates"][entry["template"].get<std::string>()].get<std::string>();
  }
  static std::shared_ptr<const ChatTemplate> parsed(const std::string& source) {
    return ChatTemplate::parse(source, {.bos = "<s>", .eos = "</s>", .pad = "", .unk = ""});
  }
  static RenderOptions options_of(const Json& entry) {
    RenderOptions options;
    options.tools = entry["tools"];
    options.add_generation_prompt = entry["add_generation_prompt"].get<bool>();
    options.variables = entry["variables"];
    return options;
  }
  static std::string title(const Json& entry) {
    return entry["template"].get<std::string>() + ", " + dump_json(entry["title"]) + ", prompt " +
           dump_json(entry["add_generation_prompt"]) + " " + dump_json(entry["variables"]);
  }
  // Whether a template prints the date and its text is of another day than today.
  bool is_outdated(const std::string& source) const {
    if (source.find("strftime_now") == std::string::npos) return false;
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    char today[16];
    std::strftime(today, sizeof today, "%Y-%m-%d", localtime_r(&now, &local));
    return golden_.value("date", "") != today;
  }
  static std::vector<Message> messages_of(const Json& entry) {
    std::vector<Message> messages;
    for (const Json& item : entry["messages"]) messages.push_back(message_from_json(item));
    return messages;
  }

  Json golden_;
};

TEST_F(PublishedTemplates, RenderAsInTransformers) {
  for (const Json& entry : golden_["cases"]) {
    if (is_outdated(source(entry))) continue;
    SCOPED_TRACE(title(entry));
    const auto chat = parsed(source(entry));
    const auto render = [&] { return chat->render(messages_of(entry), options_of(entry)); };
    if (entry.contains("output")) {
      std::string output;
      EXPECT_EQ(error_of([&] { output = render(); }), "(nothing thrown)");
      EXPECT_EQ(output, entry["output"].get<std::string>());
    } else if (entry["error"].get<std::string>().starts_with("TemplateError")) {
      // Other failures may be none here: content lists are joined for templates that want text.
      EXPECT_NE(error_of(render), "(nothing thrown)");
    }
  }
}

/// The part of a rendered conversation that message `index` adds, and what stands before it.
struct Turn {
  std::string prompt, answer;
};
std::optional<Turn> turn_of(const ChatTemplate& chat, const std::vector<Message>& messages,
                            std::size_t index, RenderOptions options) {
  Turn turn;
  const auto rendered = [&](std::size_t count) {
    return chat.render(std::span(messages).first(count), options);
  };
  const std::string whole = rendered(index + 1);
  options.add_generation_prompt = true;
  turn.prompt = rendered(index);
  if (!whole.starts_with(turn.prompt)) return std::nullopt;
  turn.answer = whole.substr(turn.prompt.size());
  if (turn.answer.ends_with("<|eot_id|>")) turn.answer.resize(turn.answer.size() - 10);
  return turn;
}

TEST_F(PublishedTemplates, CallsAreReadBackAsTheyWereRendered) {
  int calls_read = 0;
  for (const Json& entry : golden_["cases"]) {
    const auto messages = messages_of(entry);
    if (!entry.contains("output") || entry["add_generation_prompt"].get<bool>()) continue;
    const auto chat = parsed(source(entry));
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].tool_calls.is_null()) continue;
      SCOPED_TRACE(title(entry));
      std::optional<Turn> turn;
      if (error_of([&] { turn = turn_of(*chat, messages, i, options_of(entry)); }) !=
              "(nothing thrown)" ||
          !turn || turn->answer.find("search") == std::string::npos) {
        continue;  // a template that knows no calls, or rewrites its own prompt
      }
      const Message read = parse_response(turn->answer, response_format_of(chat->source()),
                                          turn->prompt, entry["tools"]);
      ASSERT_EQ(read.tool_calls.size(), messages[i].tool_calls.size()) << turn->answer;
      for (std::size_t c = 0; c < read.tool_calls.size(); ++c) {
        const Json& function = read.tool_calls[c]["function"];
        const Json& expected = messages[i].tool_calls[c]["function"];
        EXPECT_EQ(function["name"], expected["name"]);
        const Json arguments = parse_json(function["arguments"].get<std::string>());
        const Json wanted = expected["arguments"].is_string()
                                ? parse_json(expected["arguments"].get<std::string>())
                                : expected["arguments"];
        // Templates may sort the arguments, which their order does not survive.
        EXPECT_EQ(nlohmann::json(arguments), nlohmann::json(wanted)) << turn->answer;
        ++calls_read;
      }
      if (turn->answer.find("Two calls.") != std::string::npos) {
        EXPECT_EQ(read.reasoning_content, "Two calls.") << turn->answer;
      }
    }
  }
  EXPECT_GT(calls_read, 0);
}

}  // namespace
}  // namespace bantam
