// The byte-level alphabet of GPT-2: each byte has a visible character, so that tokens can be
// written as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bantam {

/// The character of one byte, in UTF-8.
std::string_view byte_level_character(unsigned char byte);
/// " the" -> "Ġthe".
std::string to_byte_level(std::string_view bytes);
/// "Ġthe" -> " the"; nothing if a character is outside the alphabet.
std::optional<std::string> from_byte_level(std::string_view text);

}  // namespace bantam
