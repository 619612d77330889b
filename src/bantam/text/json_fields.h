// Reading the parts of tokenizer.json: each getter names what it expected and what it found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bantam/base/json.h"

namespace bantam {

/// The member, or null when there is none.
const Json& json_member(const Json& object, const char* key);
/// The string "type" of a part; `part` ("normalizer", ...) begins the error.
std::string json_type(const Json& value, std::string_view part);
/// Each throws Error(input) beginning with `part` when the member is of another type. A member that
/// is null or missing is `otherwise`, or an error where there is no such argument.
bool json_flag(const Json& object, const char* key, bool otherwise, std::string_view part);
std::string json_string(const Json& object, const char* key, std::string_view part);
std::string json_string(const Json& object, const char* key, std::string_view otherwise,
                        std::string_view part);
/// Of at most 1,024 bytes: text that takes the place of other text, again and again.
std::string json_insertion(const Json& object, const char* key, std::string_view part);
/// An integer from `low` to `high`.
std::int64_t json_integer(const Json& object, const char* key, std::int64_t low, std::int64_t high,
                          std::string_view part);
/// A string of exactly one character.
char32_t json_character(const Json& object, const char* key, std::string_view part);
/// A list with at most 64 entries: the steps of a Sequence.
const Json& json_steps(const Json& object, const char* key, std::string_view part);

}  // namespace bantam
