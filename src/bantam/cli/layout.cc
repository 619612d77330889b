#include "bantam/cli/layout.h"

#include <utf8proc.h>

#include <algorithm>

#include "bantam/base/utf8.h"

namespace bantam {

namespace {

// Length of the colour code that starts here ("\x1b[…m"), or 0.
std::size_t color_code_at(std::string_view text, std::size_t i) {
  if (text.substr(i, 2) != "\x1b[") return 0;
  const std::size_t end = text.find('m', i);
  return end == text.npos ? 0 : end + 1 - i;
}

int character_width(const Utf8Character& character) {
  if (!character.valid) return 1;
  return std::max(utf8proc_charwidth(static_cast<utf8proc_int32_t>(character.point)), 0);
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (const std::size_t code = color_code_at(text, i)) {
      i += code;
      continue;
    }
    const Utf8Character character = utf8_at(text, i);
    width += character_width(character);
    i += character.size;
  }
  return width;
}

std::string padded(std::string_view text, int width, bool right) {
  const int missing = std::max(width - display_width(text), 0);
  const std::string spaces(static_cast<std::size_t>(missing), ' ');
  return right ? spaces + std::string(text) : std::string(text) + spaces;
}

std::string cut(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  std::string out;
  int used = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Character character = utf8_at(text, i);
    const int own = character_width(character);
    if (used + own > width - 1) break;
    out += text.substr(i, character.size);
    used += own;
    i += character.size;
  }
  return width > 0 ? out + "…" : "";
}

std::string wrap(std::string_view text, int width, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  std::string out;
  int column = indent;
  bool line_is_empty = true;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\n') {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] != '\n') out += margin;
      column = indent, line_is_empty = true, ++i;
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \n", i), text.size());
    const std::string_view word = text.substr(i, end - i);
    const int own = display_width(word);
    if (!line_is_empty && column + 1 + own > width) {
      out += '\n' + margin;
      column = indent, line_is_empty = true;
    }
    if (!line_is_empty) out += ' ', ++column;
    out += word;
    column += own;
    line_is_empty = false;
    i = end < text.size() && text[end] == ' ' ? end + 1 : end;
  }
  return out;
}

}  // namespace bantam
