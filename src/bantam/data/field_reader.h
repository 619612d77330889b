// Typed access to the fields of one row, which remembers what was taken.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bantam/base/json.h"

namespace bantam {

class FieldReader {
 public:
  /// Throws Error(input) unless `object` is a JSON object.
  explicit FieldReader(Json object);

  bool has(std::string_view name) const { return object_.contains(name); }
  /// Removes and returns a field. Throws Error(input) when it is missing.
  Json take(std::string_view name);
  /// A string field. Throws Error(input) naming the type found.
  std::string take_text(std::string_view name);
  std::optional<std::string> take_optional_text(std::string_view name);  ///< missing or null: unset
  /// A string, or a number or boolean as JSON writes it: labels and ids are often numbers.
  std::string take_scalar(std::string_view name);
  /// Like take_scalar, without removing. "meta.KEY" looks inside meta. Unset when there is no such
  /// field.
  std::optional<std::string> peek_scalar(std::string_view name) const;

  const Json& rest() const { return object_; }
  Json& rest() { return object_; }
  std::string field_names() const;  ///< "'text', 'label'" for errors

 private:
  Json object_;
};

/// "a string", "null", "an array of 3": for errors.
std::string type_of(const Json& value);

}  // namespace bantam
