#include "bantam/data/conversation_forms.h"

#include <array>

#include "bantam/base/error.h"

namespace bantam {
namespace {

void require_list(const Json& list, std::string_view field) {
  if (!list.is_array()) {
    throw input_error("field '{}': expected an array of messages, found {}", field, type_of(list));
  }
  if (list.empty())
    throw input_error("field '{}': expected at least one message, found none", field);
}

struct RoleName {
  std::string_view from, role;
};
constexpr std::array kShareGptRoles{RoleName{"human", "user"},
                                    RoleName{"user", "user"},
                                    RoleName{"gpt", "assistant"},
                                    RoleName{"assistant", "assistant"},
                                    RoleName{"chatgpt", "assistant"},
                                    RoleName{"bard", "assistant"},
                                    RoleName{"bing", "assistant"},
                                    RoleName{"system", "system"},
                                    RoleName{"tool", "tool"},
                                    RoleName{"observation", "tool"},
                                    RoleName{"function_response", "tool"},
                                    RoleName{"function_call", "function_call"},
                                    RoleName{"thought", "thought"}};

std::string_view role_of(std::string_view from) {
  for (const RoleName& entry : kShareGptRoles) {
    if (entry.from == from) return entry.role;
  }
  throw input_error(
      "unknown speaker '{}' in 'from'; expected human, gpt, system, observation, function_call, "
      "function_response or "
      "thought",
      escaped(from, 60));
}

/// The value of a function_call is {"name": ..., "arguments": {...}}; OpenAI wants the arguments as
/// a string.
Json tool_calls_of(const std::string& value) {
  Json call = parse_json(value);
  if (!call.is_object() || !call.contains("name")) {
    throw input_error(
        "expected a function call such as {{\"name\": ..., \"arguments\": ...}}, found {}",
        escaped(value, 80));
  }
  Json arguments = call.value("arguments", Json::object());
  if (!arguments.is_string()) arguments = dump_json(arguments);
  return Json::array(
      {{{"type", "function"}, {"function", {{"name", call["name"]}, {"arguments", arguments}}}}});
}

Message assistant_says(std::string text) {
  Message message;
  message.role = "assistant";
  message.content = std::move(text);
  return message;
}

Message user_says(std::string text) {
  Message message;
  message.role = "user";
  message.content = std::move(text);
  return message;
}

void append_history(const Json& history, std::vector<Message>& messages) {
  if (!history.is_array()) {
    throw input_error("field 'history': expected an array of [user, assistant] pairs, found {}",
                      type_of(history));
  }
  for (std::size_t i = 0; i < history.size(); ++i) {
    const Json& turn = history[i];
    if (!turn.is_array() || turn.size() != 2 || !turn[0].is_string() || !turn[1].is_string()) {
      throw input_error("field 'history[{}]': expected [user, assistant], two strings, found {}", i,
                        type_of(turn));
    }
    messages.push_back(user_says(turn[0].get<std::string>()));
    messages.push_back(assistant_says(turn[1].get<std::string>()));
  }
}

}  // namespace

std::vector<Message> messages_from_openai(const Json& list, std::string_view field) {
  require_list(list, field);
  std::vector<Message> messages;
  for (std::size_t i = 0; i < list.size(); ++i) {
    try {
      messages.push_back(message_from_json(list[i]));
    } catch (const Error& error) {
      throw error.at(fmt::format("field '{}[{}]'", field, i));
    }
  }
  return messages;
}

std::vector<Message> messages_from_sharegpt(const Json& list, std::string_view field) {
  require_list(list, field);
  if (list[0].is_object() && list[0].contains("role")) return messages_from_openai(list, field);
  std::vector<Message> messages;
  std::string thought;
  for (std::size_t i = 0; i < list.size(); ++i) {
    try {
      FieldReader turn(list[i]);
      const std::string from = turn.take_text("from"), value = turn.take_text("value");
      const std::string_view role = role_of(from);
      if (role == "thought") {
        thought += value;
        continue;
      }
      Message message;
      message.role = role == "function_call" ? "assistant" : role;
      if (role == "function_call") {
        message.tool_calls = tool_calls_of(value);
      } else {
        message.content = value;
      }
      if (message.role == "assistant") message.reasoning_content = std::exchange(thought, {});
      messages.push_back(std::move(message));
    } catch (const Error& error) {
      throw error.at(fmt::format("field '{}[{}]'", field, i));
    }
  }
  if (!thought.empty())
    throw input_error("field '{}': a thought without a turn of gpt after it", field);
  return messages;
}

std::string take_alpaca_prompt(FieldReader& fields) {
  std::string prompt = fields.take_text("instruction");
  const std::string input = fields.take_optional_text("input").value_or("");
  if (!input.empty()) prompt += '\n' + input;
  return prompt;
}

std::vector<Message> messages_from_alpaca(FieldReader& fields, bool require_answers) {
  std::vector<Message> messages;
  if (const std::string system = fields.take_optional_text("system").value_or("");
      !system.empty()) {
    Message message;
    message.role = "system";
    message.content = system;
    messages.push_back(std::move(message));
  }
  if (fields.has("history")) {
    if (const Json history = fields.take("history"); !history.is_null())
      append_history(history, messages);
  }
  messages.push_back(user_says(take_alpaca_prompt(fields)));
  if (require_answers || fields.has("output"))
    messages.push_back(assistant_says(fields.take_text("output")));
  return messages;
}

}  // namespace bantam
