#include "bantam/text/responses/call_syntax.h"

#include <algorithm>
#include <string>

#include "bantam/text/responses/literal.h"

namespace bantam {
namespace {

bool only_space(std::string_view text) { return trimmed(text).empty(); }

/// What stands before `mark`, which is removed with it.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + mark.size());
  return before;
}

Json call(std::string_view name, Json arguments) {
  return {{"name", std::string(name)}, {"arguments", std::move(arguments)}};
}

std::optional<Json> read_object(std::string_view& text) {
  std::optional<Json> value = read_literal(text);
  if (!value || !value->is_object()) return std::nullopt;
  return value;
}

/// {"name": …, "arguments": …}; some families say "parameters" or "tool_name", some wrap it all as
/// {"type": "function", "function": {…}}.
std::optional<Json> call_of_object(const Json& object) {
  if (!object.is_object()) return std::nullopt;
  if (object.contains("function") && object["function"].is_object()) {
    return call_of_object(object["function"]);
  }
  std::string name;
  for (const char* key : {"name", "tool_name", "function"}) {
    if (name.empty() && object.contains(key) && object[key].is_string()) {
      name = object[key].get<std::string>();
    }
  }
  if (name.empty()) return std::nullopt;
  for (const char* key : {"arguments", "parameters"}) {
    if (!object.contains(key)) continue;
    Json arguments = object[key];
    if (arguments.is_string()) {  // JSON within JSON
      const auto inner = arguments.get<std::string>();
      std::string_view rest = inner;
      arguments = read_object(rest).value_or(Json());
    }
    if (arguments.is_null()) arguments = Json::object();
    if (!arguments.is_object()) return std::nullopt;
    return call(name, std::move(arguments));
  }
  return call(name, Json::object());
}

/// One or more values, each a call or a list of calls, with white space, commas or semicolons
/// between them.
std::optional<Json> json_calls(std::string_view text) {
  Json calls = Json::array();
  while (!only_space(text)) {
    const std::optional<Json> value = read_literal(text);
    if (!value) return std::nullopt;
    const Json list = value->is_array() ? *value : Json::array({*value});
    for (const Json& object : list) {
      std::optional<Json> one = call_of_object(object);
      if (!one) return std::nullopt;
      calls.push_back(*std::move(one));
    }
    if (!skip_token(text, ",")) skip_token(text, ";");
  }
  return calls;
}

std::optional<Json> named_calls(std::string_view text, const CallTags& tags) {
  Json calls = Json::array();
  while (!only_space(text)) {
    if (!take_until(text, tags.name_begin)) {
      if (calls.empty()) return std::nullopt;
      break;  // a closing tag behind the last call
    }
    std::string_view name;
    if (!tags.name_end.empty()) {
      const auto before = take_until(text, tags.name_end);
      if (!before) return std::nullopt;
      name = trimmed(*before);
    }
    // Without a mark behind it; or DeepSeek-V3's, behind the type "function".
    if (const std::string_view next = read_name(text); !next.empty()) name = next;
    if (skip_token(text, "```json")) skip_token(text, "\n");
    std::optional<Json> arguments = read_object(text);
    if (name.empty() || !arguments) return std::nullopt;
    skip_token(text, "```");
    calls.push_back(call(name, *std::move(arguments)));
  }
  return calls;
}

std::optional<Json> python_call(std::string_view& text) {
  const std::string_view name = read_name(text);
  if (name.empty() || !skip_token(text, "(")) return std::nullopt;
  Json arguments = Json::object();
  while (!skip_token(text, ")")) {
    const std::string key(read_name(text));
    if (key.empty() || !skip_token(text, "=")) return std::nullopt;
    std::optional<Json> value = read_literal(text);
    if (!value) return std::nullopt;
    arguments[key] = *std::move(value);
    if (skip_token(text, ",")) continue;
    if (!skip_token(text, ")")) return std::nullopt;
    break;
  }
  return call(name, std::move(arguments));
}

std::optional<Json> python_calls(std::string_view text) {
  const bool in_list = skip_token(text, "[");
  Json calls = Json::array();
  while (!(in_list && skip_token(text, "]")) && !only_space(text)) {
    std::optional<Json> one = python_call(text);
    if (!one) return std::nullopt;
    calls.push_back(*std::move(one));
    skip_token(text, ",");
  }
  if (!only_space(text)) return std::nullopt;
  return calls;
}

/// What the tools declare of an argument; null where they do not.
Json declared(const Json& tools, std::string_view name, const std::string& argument) {
  if (!tools.is_array()) return {};
  for (const Json& tool : tools) {
    const Json& function = tool.is_object() && tool.contains("function") ? tool["function"] : tool;
    if (!function.is_object() || function.value("name", "") != name) continue;
    const auto at = Json::json_pointer("/parameters/properties") / argument;
    return function.contains(at) ? function[at] : Json();
  }
  return {};
}

bool may_be_string(const Json& schema) {
  if (!schema.is_object() || !schema.contains("type")) return false;
  const Json& type = schema["type"];
  return type == "string" ||
         (type.is_array() && std::find(type.begin(), type.end(), Json("string")) != type.end());
}

/// Text between tags is a string if the tools say so, else a value if it reads as one.
Json tagged_value(std::string_view text, const Json& schema) {
  if (!may_be_string(schema)) {
    std::string_view rest = text;
    const std::optional<Json> value = read_literal(rest);
    if (value && only_space(rest)) return *value;
  }
  if (text.starts_with('\n')) text.remove_prefix(1);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text);
}

std::optional<Json> tagged_calls(std::string_view text, const CallTags& tags, const Json& tools) {
  Json calls = Json::array();
  while (!only_space(text)) {
    if (!take_until(text, tags.name_begin)) {
      if (calls.empty()) return std::nullopt;
      break;  // a closing tag behind the last call
    }
    // The name ends at its tag, or, of a call without arguments, with the text.
    const auto until_tag = take_until(text, tags.name_end);
    const std::string_view name = trimmed(until_tag.value_or(text));
    if (!until_tag) text = {};
    if (name.empty()) return std::nullopt;
    const std::size_t next =
        tags.name_begin.empty() ? std::string_view::npos : text.find(tags.name_begin);
    std::string_view rest = text.substr(0, next);
    text.remove_prefix(rest.size());
    Json arguments = Json::object();
    while (take_until(rest, tags.key_begin)) {
      const auto key = take_until(rest, tags.key_end);
      const auto value = key ? take_until(rest, tags.value_end) : std::nullopt;
      if (!value) return std::nullopt;
      const std::string name_of_argument(trimmed(*key));
      arguments[name_of_argument] = tagged_value(*value, declared(tools, name, name_of_argument));
    }
    calls.push_back(call(name, std::move(arguments)));
  }
  return calls;
}

}  // namespace

std::optional<Json> read_calls(std::string_view text, const ResponseFormat& format,
                               const Json& tools) {
  switch (format.syntax) {
    case CallSyntax::none:
      return std::nullopt;
    case CallSyntax::json:
      return json_calls(text);
    case CallSyntax::named:
      return named_calls(text, format.tags);
    case CallSyntax::python:
      return python_calls(text);
    case CallSyntax::tagged:
      return tagged_calls(text, format.tags, tools);
  }
  return std::nullopt;
}

}  // namespace bantam
