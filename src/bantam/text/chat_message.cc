#include "bantam/text/chat_message.h"

#include <array>
#include <utility>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr std::string_view roles[] = {"system", "developer", "user", "assistant", "tool"};

std::string text_field(const Json& value, const char* key) {
  if (value.is_null()) return "";
  if (!value.is_string()) {
    throw input_error("message: key '{}': expected a string, found {}", key, value.type_name());
  }
  return value.get<std::string>();
}

std::string role_of(const Json& value) {
  const std::string role = value.is_string() ? value.get<std::string>() : "";
  for (const std::string_view known : roles) {
    if (role == known) return role;
  }
  throw input_error(
      "message: key 'role': expected system, developer, user, assistant or tool, found {}",
      value.is_string() ? "'" + escaped(role, 60) + "'" : value.type_name());
}

/// Joined text of a list of parts, each a string or {"type": "text", "text": ...}; other kinds hold
/// no text.
std::string text_of_parts(const Json& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Json& part = parts[i];
    if (part.is_string()) {
      text += part.get<std::string>();
    } else if (!part.is_object()) {
      throw input_error("message: key 'content': part {}: expected an object, found {}", i,
                        part.type_name());
    } else if (part.contains("text")) {
      text += text_field(part["text"], "text");
    }
  }
  return text;
}

void read_content(const Json& value, Message& message) {
  if (value.is_string()) {
    message.content = value.get<std::string>();
  } else if (value.is_array()) {
    message.content = text_of_parts(value);
    message.extra["content"] = value;
  } else if (value.is_null()) {
    message.extra["content"] = nullptr;
  } else {
    throw input_error("message: key 'content': expected a string or a list of parts, found {}",
                      value.type_name());
  }
}

/// Three names of one thing; where a message uses two of them for different texts, templates see
/// each as it is.
void read_reasoning(const std::string& key, std::string text, Message& message) {
  if (message.reasoning_content.empty() || message.reasoning_content == text) {
    message.reasoning_content = std::move(text);
  } else if (key != "reasoning_content") {
    message.extra[key] = std::move(text);
  } else {
    message.extra["thinking"] = std::exchange(message.reasoning_content, std::move(text));
  }
}

}  // namespace

Message message_from_json(const Json& value) {
  if (!value.is_object()) {
    throw input_error("message: expected an object with role and content, found {}",
                      value.type_name());
  }
  Message message;
  bool has_role = false, has_content = false;
  for (const auto& [key, item] : value.items()) {
    if (key == "role") {
      message.role = role_of(item);
      has_role = true;
    } else if (key == "content") {
      read_content(item, message);
      has_content = true;
    } else if (key == "reasoning_content" || key == "thinking" || key == "reasoning") {
      read_reasoning(key, text_field(item, key.c_str()), message);
    } else if (key == "tool_calls") {
      if (!item.is_null() && !item.is_array()) {
        throw input_error("message: key 'tool_calls': expected a list, found {}", item.type_name());
      }
      message.tool_calls = item;
    } else if (key == "tool_call_id") {
      message.tool_call_id = text_field(item, "tool_call_id");
    } else if (key == "name") {
      message.name = text_field(item, "name");
    } else if (key == "weight") {
      if (!item.is_number() || item.get<double>() < 0) {
        throw input_error("message: key 'weight': expected a number from 0, found {}",
                          escaped(dump_json(item), 60));
      }
      message.weight = item.get<double>();
    } else {
      message.extra[key] = item;
    }
  }
  if (!has_role) throw input_error("message: key 'role' is missing");
  const bool says_otherwise = !message.reasoning_content.empty() ||
                              (message.tool_calls.is_array() && !message.tool_calls.empty());
  const bool is_null = message.extra.contains("content") && message.extra["content"].is_null();
  if ((!has_content || is_null) && !says_otherwise) {
    throw input_error("message: key 'content': expected a string, found {}",
                      is_null ? "null" : "nothing");
  }
  return message;
}

Json message_to_json(const Message& message) {
  Json json = {{"role", message.role}};
  const auto original = message.extra.find("content");
  json["content"] = original == message.extra.end() ? Json(message.content) : *original;
  const auto put = [&](const char* key, const std::string& text) {
    if (!text.empty()) json[key] = text;
  };
  put("reasoning_content", message.reasoning_content);
  if (message.tool_calls.is_array()) json["tool_calls"] = message.tool_calls;
  put("tool_call_id", message.tool_call_id);
  put("name", message.name);
  if (message.weight) json["weight"] = *message.weight;
  for (const auto& [key, value] : message.extra.items()) {
    if (key != "content") json[key] = value;
  }
  return json;
}

}  // namespace bantam
