// BPE over characters: what tokenizer.json calls BPE, where its pieces are not bytes.
#pragma once

#include <unordered_map>

#include "bantam/text/models/byte_tokens.h"
#include "bantam/text/models/merge_rules.h"

namespace bantam {

class CharacterBpe : public TokenModel {
 public:
  CharacterBpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges);
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const override;

 private:
  using CharacterIds = std::unordered_map<char32_t, std::int32_t>;
  /// Ids of single characters, with the affixes that their place in the piece gives them.
  const CharacterIds& ids_at(bool first, bool last) const { return ids_[2 * first + last]; }
  CharacterIds character_ids(const Vocabulary& vocabulary, bool first, bool last) const;

  std::int32_t unk_;
  bool fuse_unk_;
  ByteTokens bytes_;
  CharacterIds ids_[4];
  MergeRules rules_;
};

}  // namespace bantam
