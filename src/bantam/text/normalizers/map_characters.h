// Rewriting a text one character at a time.
#pragma once

#include <array>
#include <string>

#include "bantam/text/aligned_text.h"
#include "bantam/text/unicode.h"

namespace bantam {

/// Which ASCII characters `map` leaves as they are.
template <class Map>
std::array<bool, 128> unchanged_ascii(Map map) {
  std::array<bool, 128> unchanged;
  std::string out;
  for (char32_t c = 0; c < 128; ++c) {
    out.clear();
    map(c, out);
    unchanged[c] = out.size() == 1 && out[0] == static_cast<char>(c);
  }
  return unchanged;
}

/// map(character, out) appends what a valid character becomes, always the same; invalid UTF-8
/// stays.
template <class Map>
void map_characters(AlignedText& text, Map map) {
  static const std::array<bool, 128> unchanged = unchanged_ascii(map);
  TextEdit edit(text);
  const std::string_view view = text.view();
  std::string out;
  for (std::size_t at = 0; at < view.size();) {
    std::size_t end = at;
    while (end < view.size() && static_cast<unsigned char>(view[end]) < 128 &&
           unchanged[static_cast<unsigned char>(view[end])]) {
      ++end;
    }
    edit.keep(at, end);
    at = end;
    if (at == view.size()) break;
    const CodePoint c = code_point_at(view, at);
    end = at + static_cast<std::size_t>(c.length);
    if (c.valid) {
      out.clear();
      map(c.value, out);
      edit.replace(at, end, out);
    } else {
      edit.keep(at, end);
    }
    at = end;
  }
  edit.store(text);
}

}  // namespace bantam
