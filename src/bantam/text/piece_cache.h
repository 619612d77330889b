// Remembers the tokens of short pieces: most words of a text have been merged before.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "bantam/text/models/token_model.h"

namespace bantam {

/// 65,536 places of 64 bytes, one for each hash; a newer piece takes the place of an older one. Any
/// thread may call.
class PieceCache {
 public:
  static constexpr std::size_t longest_piece = 23;
  static constexpr std::size_t most_tokens = 6;

  /// Appends the tokens and returns true if the piece is known.
  bool find(std::string_view piece, std::vector<MergedToken>& tokens) const {
    if (piece.size() > longest_piece) return false;
    const std::size_t place = place_of(piece);
    const std::lock_guard lock(locks_[place % locks_.size()]);
    const Entry& entry = entries_[place];
    if (entry.length != piece.size() || std::memcmp(entry.bytes, piece.data(), piece.size()) != 0) {
      return false;
    }
    for (std::size_t i = 0; i < entry.count; ++i)
      tokens.push_back({entry.ids[i], entry.lengths[i]});
    return true;
  }

  void store(std::string_view piece, const MergedToken* tokens, std::size_t count) {
    if (piece.size() > longest_piece || count > most_tokens) return;
    const std::size_t place = place_of(piece);
    const std::lock_guard lock(locks_[place % locks_.size()]);
    Entry& entry = entries_[place];
    entry.length = static_cast<std::uint8_t>(piece.size());
    entry.count = static_cast<std::uint8_t>(count);
    std::memcpy(entry.bytes, piece.data(), piece.size());
    for (std::size_t i = 0; i < count; ++i) {
      entry.ids[i] = tokens[i].id;
      entry.lengths[i] = static_cast<std::uint8_t>(tokens[i].length);
    }
  }

 private:
  struct Entry {
    std::int32_t ids[most_tokens];
    std::uint8_t lengths[most_tokens];
    char bytes[longest_piece];
    std::uint8_t length, count;  // length 0: nothing here
  };
  static std::size_t place_of(std::string_view piece) {
    return std::hash<std::string_view>()(piece) & 0xFFFF;
  }

  std::unique_ptr<Entry[]> entries_ = std::make_unique<Entry[]>(0x10000);
  mutable std::array<std::mutex, 64> locks_;
};

}  // namespace bantam
