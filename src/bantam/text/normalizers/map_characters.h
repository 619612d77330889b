// Rewriting a text one character at a time.
#pragma once

#include "bantam/text/aligned_text.h"
#include "bantam/text/unicode.h"

namespace bantam {

/// map(character, out) appends what a valid character becomes; invalid UTF-8 stays.
template <class Map>
void map_characters(AlignedText& text, Map map) {
  TextEdit edit(text);
  const std::string_view view = text.view();
  std::string out;
  for (std::size_t at = 0; at < view.size();) {
    const CodePoint c = code_point_at(view, at);
    const std::size_t end = at + static_cast<std::size_t>(c.length);
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
