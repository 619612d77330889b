// What Unigram training begins with: many substrings that occur often.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/text/training/word_counts.h"

namespace bantam {

/// A token on its way into a Unigram vocabulary.
struct UnigramPiece {
  std::string text;
  double score = 0;  ///< log-probability, or what becomes one
};

struct SeedOptions {
  std::size_t longest = 16;  ///< characters; as SentencePiece
  std::size_t most = 1'000'000;
  std::int64_t minimum_frequency = 2;
};

/// The substrings of two or more characters for which length times occurrences is largest, best
/// first, with that product as their score; none that the same character always follows. Words must
/// be valid UTF-8. Found in a sorted list of all suffixes: O(n log n) time and O(n) memory in the
/// characters of the distinct words.
std::vector<UnigramPiece> frequent_substrings(const WordCounts& words, const SeedOptions& options);

}  // namespace bantam
