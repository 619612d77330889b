// One UTF-8 character at a time, strictly: overlong forms, surrogates and values past U+10FFFF are
// invalid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bantam {

struct Utf8Character {
  std::uint32_t point = 0;  ///< meaningless when not valid
  std::size_t size = 1;     ///< bytes; 1 for an invalid byte, so that a scan always moves on
  bool valid = false;
};

/// The character that starts at `text[position]`; position < text.size().
inline Utf8Character utf8_at(std::string_view text, std::size_t position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (size == 0 || lead > 0xf4 || position + size > text.size()) return {};
  std::uint32_t point = lead & (0x7f >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    point = point << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  if (overlong || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff) return {};
  return {point, size, true};
}

}  // namespace bantam
