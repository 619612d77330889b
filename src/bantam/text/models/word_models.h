// The models that look whole words up: WordPiece (arXiv:1609.08144, greedy as in BERT) and
// WordLevel.
#pragma once

#include <string>
#include <unordered_map>

#include "bantam/text/byte_trie.h"
#include "bantam/text/models/token_model.h"

namespace bantam {

/// The longest token that a word begins with, then the longest that continues it, and so on. A word
/// that comes to no end this way, or has too many characters, is one unknown token.
class WordPiece : public TokenModel {
 public:
  explicit WordPiece(const Vocabulary& vocabulary);
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const override;

 private:
  std::int32_t unk_;
  std::int64_t longest_word_;
  ByteTrie beginnings_, continuations_;
};

/// Each piece is a token or unknown.
class WordLevel : public TokenModel {
 public:
  explicit WordLevel(const Vocabulary& vocabulary);
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const override;

 private:
  std::int32_t unk_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

}  // namespace bantam
