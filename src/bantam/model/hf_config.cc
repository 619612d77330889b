#include "bantam/model/hf_config.h"

#include <limits>

#include "bantam/base/error.h"
#include "bantam/base/python_json.h"

namespace bantam {

HfConfig::HfConfig(Json object, std::string where)
    : object_(std::move(object)), where_(std::move(where)) {
  if (!object_.is_object()) {
    throw input_error("{}: expected a JSON object, found {}", where_, object_.type_name());
  }
}

HfConfig HfConfig::read(const Path& file) {
  const std::string where = escaped(file.string());
  const std::string text = read_file(file, std::uint64_t{16} << 20);
  Json value;
  try {
    value = parse_python_json(text);
  } catch (const Error& error) {
    throw error.at(where);
  }
  return HfConfig(std::move(value), where);
}

const Json* HfConfig::find(std::string_view key) const {
  const auto found = object_.find(std::string(key));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool HfConfig::has(std::string_view key) const { return find(key) != nullptr; }

void HfConfig::throw_type(std::string_view key, std::string_view expected,
                          const Json& found) const {
  const std::string text = found.is_string()
                               ? fmt::format("the text '{}'", escaped(found.get<std::string>(), 60))
                               : escaped(dump_json(found), 60);
  throw input_error("{}: '{}' should be {}, found {}", where_, key, expected, text);
}

std::optional<std::int64_t> HfConfig::integer(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) throw_type(key, "an integer", *value);
  if (value->is_number_unsigned() &&
      value->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    throw_type(key, "an integer of 64 bits", *value);
  }
  return value->get<std::int64_t>();
}

std::optional<double> HfConfig::number(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) throw_type(key, "a number", *value);
  return value->get<double>();
}

std::optional<bool> HfConfig::boolean(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) throw_type(key, "true or false", *value);
  return value->get<bool>();
}

std::optional<std::string> HfConfig::string(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) throw_type(key, "a string", *value);
  return value->get<std::string>();
}

std::optional<HfConfig> HfConfig::object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) throw_type(key, "an object", *value);
  return HfConfig(*value, fmt::format("{}: {}", where_, key));
}

std::int64_t HfConfig::require_integer(std::string_view key) const {
  if (const auto value = integer(key)) return *value;
  throw input_error("{}: '{}' is missing; expected an integer", where_, key);
}

double HfConfig::require_number(std::string_view key) const {
  if (const auto value = number(key)) return *value;
  throw input_error("{}: '{}' is missing; expected a number", where_, key);
}

std::string HfConfig::require_string(std::string_view key) const {
  if (const auto value = string(key)) return *value;
  throw input_error("{}: '{}' is missing; expected a string", where_, key);
}

}  // namespace bantam
