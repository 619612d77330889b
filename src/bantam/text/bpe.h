// Byte-level BPE: the bytes of a piece are merged into tokens.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bantam/text/models/merge_rules.h"

namespace bantam {

/// Immutable; safe to use from many threads.
class PairMerger : public TokenModel {
 public:
  /// byte_ids[b] is the token of the single byte b, or -1: such a byte becomes `unk`, or vanishes
  /// if that is -1 too. The position of a merge in the list is its rank.
  PairMerger(const std::array<std::int32_t, 256>& byte_ids, const std::vector<Merge>& merges,
             std::int32_t unk, bool fuse_unk);

  /// Appends the tokens of `piece`. O(n log n) in its length, O(n) memory.
  void merge(std::string_view piece, std::vector<MergedToken>& tokens) const;
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const override {
    merge(piece, tokens);
  }

 private:
  std::array<std::int32_t, 256> byte_ids_;
  std::int32_t unk_;
  bool fuse_unk_;
  MergeRules rules_;
};

}  // namespace bantam
