#include "bantam/base/toml_depth.h"

#include <algorithm>

#include "bantam/base/error.h"

namespace bantam {

namespace {

// Past the end of the string literal that starts at `start`; its quotes may be tripled, and only
// "…" has escapes.
std::size_t skip_string(std::string_view text, std::size_t start) {
  const char quote = text[start];
  const std::string triple(3, quote);
  const bool tripled = text.substr(start, 3) == triple;
  for (std::size_t i = start + (tripled ? 3 : 1); i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (!tripled && (text[i] == quote || text[i] == '\n')) {
      return i + 1;
    } else if (tripled && text.substr(i, 3) == triple) {
      return i + 3;
    }
  }
  return text.size();
}

}  // namespace

void check_toml_depth(std::string_view text, int levels, const std::string& path) {
  int brackets = 0, dots = 0;
  const auto require = [&](std::size_t at) {
    if (brackets + dots <= levels) return;
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    throw usage_error("{}: line {}: nested deeper than {} levels", escaped(path), line, levels);
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = skip_string(text, i);
      continue;
    }
    if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (c == '[' || c == '{') ++brackets, dots = 0;
    if (c == ']' || c == '}') brackets = std::max(brackets - 1, 0);
    if (c == '=' || c == ',' || c == '\n') dots = 0;
    if (c == '.') ++dots;
    require(i++);
  }
}

}  // namespace bantam
