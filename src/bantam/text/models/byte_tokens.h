// Tokens for single bytes: "<0x00>" to "<0xFF>".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bantam/text/vocabulary.h"

namespace bantam {

/// The byte that "<0x41>" stands for; nothing for any other text.
std::optional<unsigned char> byte_of_token(std::string_view text);

/// For each byte its token, or -1.
class ByteTokens {
 public:
  /// No byte has a token.
  ByteTokens() { ids_.fill(-1); }
  /// Those of a vocabulary with byte_fallback.
  explicit ByteTokens(const Vocabulary& vocabulary);

  std::int32_t id(char byte) const { return ids_[static_cast<unsigned char>(byte)]; }
  /// Whether each byte of `text` has one.
  bool have(std::string_view text) const;
  bool complete() const;

 private:
  std::array<std::int32_t, 256> ids_;
};

}  // namespace bantam
