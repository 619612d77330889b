// The ways to write a word with the pieces of a Unigram model.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "bantam/text/byte_trie.h"
#include "bantam/text/training/unigram_seeds.h"

namespace bantam {

/// Immutable; safe to use from many threads. Each character of a word must be a piece.
class UnigramLattice {
 public:
  static constexpr std::int32_t nothing = -1;

  explicit UnigramLattice(std::span<const UnigramPiece> pieces);

  /// Adds to expected[piece] how often it occurs in `count` segmentations of the word drawn by
  /// their probability.
  void add_expected(std::string_view word, double count, std::span<double> expected) const;
  /// The pieces of the most likely segmentation, last first, never using the piece `without`; none
  /// when there is no other way. Of equally likely ways, that with the longer last piece.
  void best(std::string_view word, std::int32_t without, std::vector<std::int32_t>& pieces) const;

 private:
  ByteTrie trie_;
  std::vector<double> scores_, probabilities_;
};

}  // namespace bantam
