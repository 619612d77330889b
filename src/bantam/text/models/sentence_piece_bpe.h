// SentencePiece's BPE: of all neighbours that together are a token, those merge first whose token
// scores highest, the leftmost on ties (bpe_model.cc of https://github.com/google/sentencepiece).
#pragma once

#include <unordered_map>

#include "bantam/text/byte_trie.h"
#include "bantam/text/models/byte_tokens.h"
#include "bantam/text/models/merge_rules.h"

namespace bantam {

class SentencePieceBpe : public TokenModel {
 public:
  explicit SentencePieceBpe(const Vocabulary& vocabulary);
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const override;

 private:
  using TokenIds = std::unordered_map<std::string_view, std::int32_t>;

  void number_characters(const TokenIds& ids);
  void make_rules(const Vocabulary& vocabulary, const TokenIds& ids);
  void add_unknown(std::string_view text, std::vector<MergedToken>& tokens) const;

  std::int32_t listed_;  // tokens; unlisted pieces are numbered from here on
  std::int32_t count_;   // with those
  std::int32_t unk_;
  ByteTokens bytes_;
  ByteTrie whole_;  // user-defined tokens, which merge with nothing
  /// Symbols of single characters: tokens, or numbers from count_ on for those that only stand in
  /// tokens.
  std::unordered_map<char32_t, std::int32_t> characters_;
  MergeRules rules_;
};

}  // namespace bantam
