// Merging neighbouring symbols: the core of byte-pair encoding (arXiv:1508.07909), lowest rank
// first, leftmost on ties.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bantam/text/models/token_model.h"

namespace bantam {

/// One rule: a pair of neighbouring tokens becomes one.
struct Merge {
  std::int32_t left, right, result;
};

/// A stretch of a piece on its way to be a token.
struct Symbol {
  std::int32_t id;
  std::uint32_t length;         // bytes
  std::int32_t previous, next;  // positions, -1 at the ends
};

/// Immutable; safe to use from many threads.
class MergeRules {
 public:
  /// The rank of a rule is its position in the list, or the entry of `ranks` there.
  explicit MergeRules(const std::vector<Merge>& merges, std::span<const std::uint32_t> ranks = {});

  /// Merges `symbols`, whose links need not be set, and appends what is left. O(n log n) in their
  /// number.
  void merge(std::vector<Symbol>& symbols, std::vector<MergedToken>& tokens) const;

 private:
  struct Rule {
    std::uint64_t pair = empty;
    std::uint32_t rank = 0;
    std::int32_t result = 0;
  };
  static constexpr std::uint64_t empty = ~std::uint64_t{0};

  const Rule* find(std::int32_t left, std::int32_t right) const;
  void merge_short(std::vector<Symbol>& symbols) const;
  void merge_long(std::vector<Symbol>& symbols) const;

  std::vector<Rule> rules_;  // open addressing, at most half full
  std::uint64_t mask_ = 0;
};

}  // namespace bantam
