#include "bantam/text/byte_level.h"

#include <array>

#include "bantam/text/unicode.h"

namespace bantam {
namespace {

struct Alphabet {
  std::array<std::string, 256> character;
  std::array<int, 512> byte;  // -1: not in the alphabet
  Alphabet() {
    byte.fill(-1);
    char32_t spare = 256;  // bytes that are not visible as Latin-1 take the characters from here on
    for (int b = 0; b < 256; ++b) {
      const bool visible = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      const char32_t value = visible ? static_cast<char32_t>(b) : spare++;
      append_utf8(character[b], value);
      byte[value] = b;
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

}  // namespace

std::string_view byte_level_character(unsigned char byte) { return alphabet().character[byte]; }

std::string to_byte_level(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += byte_level_character(static_cast<unsigned char>(c));
  return text;
}

std::optional<std::string> from_byte_level(std::string_view text) {
  const std::array<int, 512>& byte_of = alphabet().byte;
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    std::uint32_t value = first;
    std::size_t length = 1;
    if (first >= 0x80) {
      const CodePoint c = code_point_at(text, at);
      if (!c.valid) return std::nullopt;
      value = c.value, length = c.length;
    }
    if (value >= byte_of.size() || byte_of[value] < 0) return std::nullopt;
    bytes += static_cast<char>(byte_of[value]);
    at += length;
  }
  return bytes;
}

}  // namespace bantam
