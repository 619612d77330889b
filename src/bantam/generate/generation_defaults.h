// Single values of a generation_config.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/base/json.h"

namespace bantam {

/// Fills what is still open and adds it to `told`, as in "temperature 0.6". A damaged default is no
/// reason to refuse a model: a value of the wrong type or outside its range is left out.
template <class T>
void take_default(std::optional<T>& field, const Json& config, const char* key, double low,
                  double high, std::vector<std::string>& told) {
  if (field || !config.is_object() || !config.contains(key) || !config[key].is_number()) return;
  const double value = config[key].get<double>();
  if (!(value >= low && value <= high)) return;
  field = static_cast<T>(value);
  told.push_back(fmt::format("{} {}", key, *field));
}

inline bool says_yes(const Json& config, const char* key) {
  return config.is_object() && config.contains(key) && config[key].is_boolean() &&
         config[key].get<bool>();
}

}  // namespace bantam
