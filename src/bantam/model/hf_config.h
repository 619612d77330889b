// The JSON files of a Hugging Face folder, read with errors that name file, key, expected and
// found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {

class HfConfig {
 public:
  /// `where` stands in front of every error: the path, or "PATH: rope_scaling" for a nested object.
  HfConfig(Json object, std::string where);
  /// Throws Error(input) when the file is missing, larger than 16 MiB, or not one JSON object.
  static HfConfig read(const Path& file);

  const std::string& where() const { return where_; }
  const Json& json() const { return object_; }
  bool has(std::string_view key) const;  ///< present and not null

  std::int64_t require_integer(std::string_view key) const;
  double require_number(std::string_view key) const;
  std::string require_string(std::string_view key) const;
  // Nothing where the key is missing or null; a wrong type is Error(input).
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;
  std::optional<HfConfig> object(std::string_view key) const;

 private:
  const Json* find(std::string_view key) const;
  [[noreturn]] void throw_type(std::string_view key, std::string_view expected,
                               const Json& found) const;

  Json object_;
  std::string where_;
};

}  // namespace bantam
