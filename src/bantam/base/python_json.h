// JSON that Python programs wrote, with what they write beyond the usual.
#pragma once

#include <string_view>

#include "bantam/base/json.h"

namespace bantam {

/// parse_json(), but an integer that does not fit in 64 bits is the nearest double: transformers
/// says "no limit" as 10^30 in digits (model_max_length). For configurations; in data such a number
/// would lose digits in silence.
Json parse_python_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace bantam
