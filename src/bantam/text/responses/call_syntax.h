// From the text of tool calls to calls.
#pragma once

#include <optional>
#include <string_view>

#include "bantam/base/json.h"
#include "bantam/text/response_format.h"

namespace bantam {

/// An array of {"name": string, "arguments": object}; nothing where `text` is not wholly calls.
std::optional<Json> read_calls(std::string_view text, const ResponseFormat& format,
                               const Json& tools);

}  // namespace bantam
