// Values as models write them into tool calls.
#pragma once

#include <optional>
#include <string_view>

#include "bantam/base/json.h"

namespace bantam {

/// Reads the value at the front of `text` and removes it from there, with the white space before
/// it: JSON, Python literals ('a', True, None, a list), and the notation of Gemma 4, whose keys are
/// bare and whose strings stand between <|"|>. Nothing, with `text` in any state, where no value
/// stands, or one nests deeper than 64.
std::optional<Json> read_literal(std::string_view& text);

/// Without the white space around it.
std::string_view trimmed(std::string_view text);

/// Takes white space, then `expected`, off the front; false, and nothing taken, where it is not.
bool skip_token(std::string_view& text, std::string_view expected);

/// A name of letters, digits and "_-.", after white space; empty where none stands.
std::string_view read_name(std::string_view& text);

}  // namespace bantam
