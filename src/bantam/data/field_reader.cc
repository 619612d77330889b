#include "bantam/data/field_reader.h"

#include "bantam/base/error.h"

namespace bantam {
namespace {

std::string scalar_text(std::string_view name, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return dump_json(value);
  throw input_error("field '{}': expected a string or a number, found {}", escaped(name),
                    type_of(value));
}

}  // namespace

std::string type_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  return "an object";
}

FieldReader::FieldReader(Json object) : object_(std::move(object)) {
  if (!object_.is_object()) {
    throw input_error("expected an object such as {{\"text\": ..., \"label\": ...}}, found {}",
                      type_of(object_));
  }
}

Json FieldReader::take(std::string_view name) {
  const auto found = object_.find(name);
  if (found == object_.end()) {
    throw input_error("field '{}' is missing", escaped(name));
  }
  Json value = std::move(found.value());
  object_.erase(found);
  return value;
}

std::string FieldReader::take_text(std::string_view name) {
  Json value = take(name);
  if (!value.is_string()) {
    throw input_error("field '{}': expected a string, found {}", escaped(name), type_of(value));
  }
  return std::move(value.get_ref<std::string&>());
}

std::optional<std::string> FieldReader::take_optional_text(std::string_view name) {
  if (!has(name)) return std::nullopt;
  if (object_.find(name)->is_null()) {
    take(name);
    return std::nullopt;
  }
  return take_text(name);
}

std::string FieldReader::take_scalar(std::string_view name) {
  return scalar_text(name, take(name));
}

std::optional<std::string> FieldReader::peek_scalar(std::string_view name) const {
  const Json* object = &object_;
  if (name.starts_with("meta.") && !object_.contains(name)) {
    const auto meta = object_.find("meta");
    if (meta == object_.end() || !meta->is_object()) return std::nullopt;
    object = &*meta;
    name.remove_prefix(5);
  }
  const auto found = object->find(name);
  if (found == object->end() || found->is_null()) return std::nullopt;
  return scalar_text(name, *found);
}

std::string FieldReader::field_names() const {
  if (object_.empty()) return "no fields";
  std::string names;
  for (const auto& [key, value] : object_.items()) {
    if (names.size() > 200) return names + ", ...";
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", escaped(key, 60));
  }
  return names;
}

}  // namespace bantam
