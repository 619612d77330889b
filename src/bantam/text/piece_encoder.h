// A token model behind what makes it fast: pieces met before are remembered.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bantam/text/models/token_model.h"
#include "bantam/text/piece_cache.h"

namespace bantam {

/// Immutable but for the cache; safe to use from many threads.
class PieceEncoder {
 public:
  /// `vocabulary` must be checked and outlive this; throws what make_token_model throws.
  explicit PieceEncoder(const Vocabulary& vocabulary);

  /// Appends the tokens of `piece`.
  void encode(std::string_view piece, std::vector<MergedToken>& tokens) const;

 private:
  void encode_word(std::string_view word, std::vector<MergedToken>& tokens) const;
  /// Unknowns whose text is a token that the model cuts no text into become that token.
  void name_unknowns(std::string_view word, std::span<MergedToken> tokens) const;

  std::unique_ptr<const TokenModel> model_;
  std::int32_t unk_;
  std::unordered_map<std::string, std::int32_t> never_cut_;
  /// Pieces that are tokens as they stand, for vocabularies with ignore_merges.
  std::unordered_map<std::string, std::int32_t> whole_pieces_;
  /// The visible space, if no token holds one after another character: then no merge crosses the
  /// place before it, and words can be merged by themselves. A text of SentencePiece is one piece.
  std::string word_begin_;
  mutable PieceCache cache_;
};

}  // namespace bantam
