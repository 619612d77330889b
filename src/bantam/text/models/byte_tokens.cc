#include "bantam/text/models/byte_tokens.h"

#include <algorithm>

namespace bantam {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<unsigned char> byte_of_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  const int high = hex_digit(text[3]), low = hex_digit(text[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(16 * high + low);
}

ByteTokens::ByteTokens(const Vocabulary& vocabulary) {
  ids_.fill(-1);
  if (!vocabulary.byte_fallback) return;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const auto byte = byte_of_token(vocabulary.tokens[id]);
    const TokenType type = vocabulary.types[id];
    const bool usable = type == TokenType::byte || type == TokenType::normal;
    if (byte && usable) ids_[*byte] = static_cast<std::int32_t>(id);
  }
}

bool ByteTokens::have(std::string_view text) const {
  return std::all_of(text.begin(), text.end(), [&](char byte) { return id(byte) >= 0; });
}

bool ByteTokens::complete() const {
  return std::all_of(ids_.begin(), ids_.end(), [](std::int32_t id) { return id >= 0; });
}

}  // namespace bantam
