// Matches the arguments of a call to the names a built-in function expects.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/text/jinja/value.h"

namespace bantam::jinja {

class Parameters {
 public:
  /// Throws Fault for an argument that is not in the list.
  Parameters(std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> names)
      : function_(function), names_(names), values_(names.size(), nullptr) {
    if (arguments.positional.size() > names.size()) {
      throw Fault{fmt::format("{}: expected at most {} arguments, found {}", function, names.size(),
                              arguments.positional.size())};
    }
    for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
      values_[i] = &arguments.positional[i];
    }
    for (const auto& [name, value] : arguments.keyword) {
      std::size_t i = 0;
      while (i < names_.size() && names_[i] != name) ++i;
      if (i == names_.size()) throw Fault{fmt::format("{}: no argument '{}'", function, name)};
      if (values_[i]) throw Fault{fmt::format("{}: argument '{}' given twice", function, name)};
      values_[i] = &value;
    }
  }

  const Value* find(std::size_t i) const { return values_[i]; }
  const Value& required(std::size_t i) const {
    if (!values_[i]) throw Fault{fmt::format("{}: argument '{}' is missing", function_, names_[i])};
    return *values_[i];
  }
  bool flag(std::size_t i, bool otherwise) const {
    return values_[i] ? truth(*values_[i]) : otherwise;
  }
  std::int64_t integer(std::size_t i, std::int64_t otherwise) const {
    if (!values_[i] || values_[i]->is_none()) return otherwise;
    const auto value = values_[i]->as_integer();
    if (!value) {
      throw Fault{fmt::format("{}: argument '{}': expected an integer, found {}", function_,
                              names_[i], values_[i]->type_name())};
    }
    return *value;
  }
  /// The text of a required string.
  const Text& text(std::size_t i) const {
    const Text* value = required(i).as_text();
    if (!value) {
      throw Fault{fmt::format("{}: argument '{}': expected a string, found {}", function_,
                              names_[i], required(i).type_name())};
    }
    return *value;
  }
  /// nullptr when absent or none.
  const Text* find_text(std::size_t i) const {
    return values_[i] && !values_[i]->is_none() ? &text(i) : nullptr;
  }

 private:
  std::string_view function_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

}  // namespace bantam::jinja
