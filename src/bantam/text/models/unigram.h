// Unigram: the sequence of tokens whose log-probabilities add up to most (arXiv:1804.10959), found
// by dynamic programming over the bytes of a piece.
#pragma once

#include <string>
#include <unordered_map>

#include "bantam/text/byte_trie.h"
#include "bantam/text/models/byte_tokens.h"
#include "bantam/text/models/token_model.h"

namespace bantam {

class Unigram : public TokenModel {
 public:
  explicit Unigram(const Vocabulary& vocabulary);
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const override;

 private:
  struct Node {  // the best way to reach a byte of the piece
    double score = 0;
    std::uint32_t start = 0;  // where its last token begins
    std::int32_t id = none;   // and which it is
  };
  static constexpr std::int32_t none = -1;

  void reach(Node& node, double score, std::uint32_t start, std::int32_t id) const;
  void add_unknown(std::string_view text, std::vector<MergedToken>& tokens) const;

  std::int32_t count_;  // of tokens; unlisted pieces are numbered from here on
  std::int32_t unk_;
  bool single_precision_;  // SentencePiece keeps sums as floats, `tokenizers` as doubles
  double unk_score_ = 0;
  ByteTokens bytes_;
  ByteTrie trie_;
  std::vector<double> scores_;
};

}  // namespace bantam
