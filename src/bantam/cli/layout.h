// Text in columns: widths as a terminal shows them, padding, cutting and wrapping.
#pragma once

#include <string>
#include <string_view>

namespace bantam {

/// Columns that a terminal uses: 0 for combining marks and colour codes, 2 for wide characters.
int display_width(std::string_view text);
/// With spaces to `width` columns; longer text is unchanged.
std::string padded(std::string_view text, int width, bool right = false);
/// At most `width` columns, the last one "…" when something was cut. `text` must hold no colour
/// codes.
std::string cut(std::string_view text, int width);
/// Breaks at spaces so that no line passes `width`; lines after the first begin with `indent`
/// spaces. Line breaks in `text` are kept. No line break at the end.
std::string wrap(std::string_view text, int width, int indent = 0);

}  // namespace bantam
