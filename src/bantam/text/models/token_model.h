// How a piece of text becomes tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bantam {

struct Vocabulary;

struct MergedToken {
  std::int32_t id;
  std::uint32_t length;  ///< bytes of the piece
};

/// Immutable; safe to use from many threads.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the tokens of `piece`, which cover it from left to right. The piece may hold invalid
  /// UTF-8: each byte that begins no character is one of its own. Time about linear in its length.
  virtual void encode(std::string_view piece, std::vector<MergedToken>& tokens) const = 0;
};

/// The model that `vocabulary`, checked (vocabulary_check.h), describes. Throws Error(input) naming
/// the entry that cannot be right.
std::unique_ptr<const TokenModel> make_token_model(const Vocabulary& vocabulary);

}  // namespace bantam
