// BPE over characters: what tokenizer.json calls BPE, where its pieces are not bytes.
#pragma once

#include <unordered_map>
#include <vector>

#include "bantam/text/models/byte_tokens.h"
#include "bantam/text/models/merge_rules.h"

namespace bantam {

class CharacterBpe : public TokenModel {
 public:
  CharacterBpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges);
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const override;

 private:
  /// Tokens of single characters.
  class CharacterIds {
   public:
    void set(char32_t c, std::int32_t id) { c < 512 ? low_[c] = id : high_[c] = id; }
    /// -1: none.
    std::int32_t find(char32_t c) const {
      if (c < 512) return low_[c];
      const auto found = high_.find(c);
      return found == high_.end() ? -1 : found->second;
    }

   private:
    // The byte-level alphabet lies here.
    std::vector<std::int32_t> low_ = std::vector<std::int32_t>(512, -1);
    std::unordered_map<char32_t, std::int32_t> high_;
  };
  /// With the affixes that their place in the piece gives the characters.
  const CharacterIds& ids_at(bool first, bool last) const { return ids_[2 * first + last]; }
  CharacterIds character_ids(const Vocabulary& vocabulary, bool first, bool last) const;

  std::int32_t unk_;
  bool fuse_unk_;
  ByteTokens bytes_;
  CharacterIds ids_[4];
  MergeRules rules_;
};

}  // namespace bantam
