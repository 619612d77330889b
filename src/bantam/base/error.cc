#include "bantam/base/error.h"

#include "bantam/base/utf8.h"

namespace bantam {

std::string with_commas(std::int64_t value) {
  const std::string digits = fmt::format("{}", value);
  const std::size_t first = value < 0 ? 1 : 0;
  std::string out = digits.substr(0, first);
  for (std::size_t i = first; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

namespace {

// Line separators and direction marks would let a file rewrite the line that reports it.
bool is_deceptive(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x200b && point <= 0x200f) ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
         point == 0xfeff;
}

}  // namespace

std::string escaped(std::string_view text, std::size_t limit) {
  std::string out;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < text.size(); ++shown) {
    if (shown == limit) return out + "…";
    const Utf8Character character = utf8_at(text, i);
    const bool quoted = character.valid && (character.point == '"' || character.point == '\'' ||
                                            character.point == '\\');
    if (character.valid && !quoted && !is_deceptive(character.point)) {
      out += text.substr(i, character.size);
    } else {
      for (std::size_t k = 0; k < character.size; ++k) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i + k]));
      }
    }
    i += character.size;
  }
  return out;
}

}  // namespace bantam
