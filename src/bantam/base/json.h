// JSON with the limits that strangers' files need: depth, duplicate keys, non-finite numbers, valid
// UTF-8.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bantam {

/// Objects keep the order of the text: templates and files written back must not shuffle keys.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int depth = 64;
  bool refuse_duplicate_keys = true;
};

/// Parses one value and nothing after it. Throws Error(input) with line and column (both from 1),
/// what was expected, the duplicate key, or the number that no double or 64-bit integer holds. Does
/// not recurse past `limits.depth`.
Json parse_json(std::string_view text, const JsonLimits& limits = {});

/// Never throws: invalid UTF-8 becomes U+FFFD, non-finite numbers null. indent < 0 gives one line.
std::string dump_json(const Json& value, int indent = -1);

}  // namespace bantam
