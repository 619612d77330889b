// The precompiled map of characters that SentencePiece models carry: which byte sequences become
// which text (https://github.com/google/sentencepiece, normalizer.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bantam {

/// A double-array trie (darts-clone) from byte sequences to places in a block of texts. Immutable.
class Charsmap {
 public:
  /// No map: nothing matches.
  Charsmap() = default;
  /// Layout: the trie's size in bytes (u32, little endian), the trie, texts that each end in NUL.
  /// Throws Error(input) naming the byte offset where a map is cut or a text lies outside.
  explicit Charsmap(std::string_view blob);

  struct Match {
    std::size_t length;     ///< bytes of the input
    std::string_view text;  ///< what they become
  };
  /// The longest entry that `text` begins with: what SentencePiece replaces.
  std::optional<Match> longest(std::string_view text) const;
  /// The shortest entry that `text` begins with: what `tokenizers` takes for a whole grapheme.
  std::optional<Match> shortest(std::string_view text) const;

 private:
  template <class Visit>
  void visit_prefixes(std::string_view text, Visit visit) const;
  std::string_view text_at(std::uint32_t offset) const;

  std::vector<std::uint32_t> units_;
  std::string texts_;
};

/// Throws Error(input) naming the first byte that is no base64.
std::string decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace bantam
