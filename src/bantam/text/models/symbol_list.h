// The symbols that a piece begins as, with what happens to those that have no token.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/text/models/merge_rules.h"

namespace bantam {

/// Collects symbols from left to right. `unk` < 0: what has no token is dropped, and its bytes
/// belong to the symbol before it, or else the one after.
class SymbolList {
 public:
  SymbolList(std::vector<Symbol>& symbols, std::int32_t unk, bool fuse_unk)
      : symbols_(symbols), unk_(unk), fuse_unk_(fuse_unk) {
    symbols_.clear();
  }

  void add(std::int32_t id, std::uint32_t length) {
    symbols_.push_back({id, length + dropped_, 0, 0});
    dropped_ = 0;
    last_unknown_ = false;
  }
  void add_unknown(std::uint32_t length) {
    if (unk_ < 0) {
      symbols_.empty() ? dropped_ += length : symbols_.back().length += length;
    } else if (fuse_unk_ && last_unknown_) {
      symbols_.back().length += length;
    } else {
      add(unk_, length);
      last_unknown_ = true;
    }
  }

 private:
  std::vector<Symbol>& symbols_;
  std::int32_t unk_;
  bool fuse_unk_;
  std::uint32_t dropped_ = 0;
  bool last_unknown_ = false;
};

/// Gives back what one very long piece took.
inline void release_if_large(std::vector<Symbol>& symbols) {
  if (symbols.capacity() > (1 << 20)) std::vector<Symbol>().swap(symbols);
}

}  // namespace bantam
