// Merging bytes into tokens: the core of byte-pair encoding (arXiv:1508.07909), lowest rank first,
// leftmost on ties.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bantam {

/// One rule: a pair of neighbouring tokens becomes one. Its position in the list is its rank.
struct Merge {
  std::int32_t left, right, result;
};

struct MergedToken {
  std::int32_t id;
  std::uint32_t length;  ///< bytes of the piece
};

/// Immutable; safe to use from many threads.
class PairMerger {
 public:
  /// byte_ids[b] is the token of the single byte b, or -1: such a byte becomes `unk`, or vanishes
  /// if that is -1 too.
  PairMerger(const std::array<std::int32_t, 256>& byte_ids, const std::vector<Merge>& merges,
             std::int32_t unk, bool fuse_unk);

  /// Appends the tokens of `piece`. O(n log n) in its length, O(n) memory.
  void merge(std::string_view piece, std::vector<MergedToken>& tokens) const;

 private:
  struct Rule {
    std::uint64_t pair = empty;
    std::uint32_t rank = 0;
    std::int32_t result = 0;
  };
  struct Symbol {
    std::int32_t id;
    std::uint32_t length;
    std::int32_t previous, next;  // positions, -1 at the ends
  };
  static constexpr std::uint64_t empty = ~std::uint64_t{0};

  const Rule* find(std::int32_t left, std::int32_t right) const;
  void merge_short(std::vector<Symbol>& symbols) const;
  void merge_long(std::vector<Symbol>& symbols) const;

  std::array<std::int32_t, 256> byte_ids_;
  std::int32_t unk_;
  bool fuse_unk_;
  std::vector<Rule> rules_;  // open addressing, at most half full
  std::uint64_t mask_ = 0;
};

}  // namespace bantam
