#include "bantam/text/json_fields.h"

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

Error unexpected(std::string_view part, const char* key, std::string_view expected,
                 const Json& found) {
  return input_error("{}: {}: expected {}, found {}", part, key, expected,
                     escaped(dump_json(found)));
}

}  // namespace

const Json& json_member(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string json_type(const Json& value, std::string_view part) {
  const Json& type = json_member(value, "type");
  if (!type.is_string()) {
    throw input_error("{}: expected an object with a type, found {}", part,
                      escaped(dump_json(value)));
  }
  return type.get<std::string>();
}

bool json_flag(const Json& object, const char* key, bool otherwise, std::string_view part) {
  const Json& value = json_member(object, key);
  if (value.is_null()) return otherwise;
  if (!value.is_boolean()) throw unexpected(part, key, "true or false", value);
  return value.get<bool>();
}

std::string json_string(const Json& object, const char* key, std::string_view part) {
  const Json& value = json_member(object, key);
  if (!value.is_string()) throw unexpected(part, key, "a string", value);
  return value.get<std::string>();
}

std::string json_string(const Json& object, const char* key, std::string_view otherwise,
                        std::string_view part) {
  if (json_member(object, key).is_null()) return std::string(otherwise);
  return json_string(object, key, part);
}

std::string json_insertion(const Json& object, const char* key, std::string_view part) {
  constexpr std::size_t limit = 1024;
  std::string text = json_string(object, key, part);
  if (text.size() > limit) {
    throw input_error("{}: {}: expected at most {} bytes, found {}", part, key, limit, text.size());
  }
  return text;
}

std::int64_t json_integer(const Json& object, const char* key, std::int64_t low, std::int64_t high,
                          std::string_view part) {
  const Json& value = json_member(object, key);
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)) &&
                    value.get<std::int64_t>() >= low && value.get<std::int64_t>() <= high;
  if (!fits) throw unexpected(part, key, fmt::format("an integer from {} to {}", low, high), value);
  return value.get<std::int64_t>();
}

char32_t json_character(const Json& object, const char* key, std::string_view part) {
  const std::string text = json_string(object, key, part);
  const CodePoint c = text.empty() ? CodePoint{} : code_point_at(text, 0);
  if (!c.valid || static_cast<std::size_t>(c.length) != text.size()) {
    throw unexpected(part, key, "one character", json_member(object, key));
  }
  return c.value;
}

const Json& json_steps(const Json& object, const char* key, std::string_view part) {
  const Json& list = json_member(object, key);
  if (!list.is_array() || list.size() > 64) {
    throw input_error("{}: Sequence: expected a list `{}` of at most 64", part, key);
  }
  return list;
}

}  // namespace bantam
