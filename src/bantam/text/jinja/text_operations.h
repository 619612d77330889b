// Operations on strings that keep track of who wrote what; filters and methods are made of these.
#pragma once

#include <cstdint>
#include <string_view>

#include "bantam/text/jinja/context.h"

namespace bantam::jinja {

enum class Side { left, right, both };

/// Python's strip: white space, or any of the characters of `characters`.
Text stripped(const Text& text, Side side, const Text* characters);
/// Python's replace; count < 0 replaces all.
Text replaced(Context& context, const Text& text, std::string_view old, const Text& by,
              std::int64_t count);
/// Python's split: by `separator`, or by white space if there is none. limit < 0: no limit.
Items split(Context& context, const Text& text, const Text* separator, std::int64_t limit);
Items split_from_right(Context& context, const Text& text, const Text* separator,
                       std::int64_t limit);
Items split_lines(Context& context, const Text& text, bool keep_ends);

Text upper(const Text& text);
Text lower(const Text& text);
/// Python's str.capitalize and str.title.
Text capitalized(const Text& text);
Text title_case(const Text& text);
/// With spaces (or another character) up to `width` characters.
Text justified(Context& context, const Text& text, Side text_at, std::int64_t width,
               std::string_view fill);
Text join(Context& context, const Text& separator, const Items& items);

}  // namespace bantam::jinja
