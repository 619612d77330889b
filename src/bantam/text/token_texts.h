// What each token of a vocabulary stands for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/text/decoder.h"
#include "bantam/text/token_table.h"
#include "bantam/text/vocabulary.h"

namespace bantam {

/// Immutable. The vocabulary must be checked.
class TokenTexts {
 public:
  explicit TokenTexts(const Vocabulary& vocabulary);
  TokenTexts(const TokenTexts&) = delete;
  TokenTexts& operator=(const TokenTexts&) = delete;

  std::size_t size() const { return bytes_.size(); }
  const std::string& bytes(std::int32_t id) const { return bytes_[static_cast<std::size_t>(id)]; }
  /// The id whose bytes are `text`; a control token wins.
  std::optional<std::int32_t> find(std::string_view text) const { return ids_.find(text); }
  /// The text of tokens in a row; `skip` leaves a token out.
  std::string decode(std::span<const std::int32_t> ids,
                     const std::function<bool(std::int32_t)>& skip) const;

 private:
  const Vocabulary& vocabulary_;
  Decoder decoder_;
  bool joins_bytes_;  // decoding is putting bytes together, nothing else
  std::vector<std::string> bytes_;
  TokenTable ids_;
};

}  // namespace bantam
