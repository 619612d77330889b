// Learning which neighbouring symbols to merge, for BPE and WordPiece.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/progress.h"
#include "bantam/text/models/merge_rules.h"

namespace bantam {

/// The words of a corpus as sequences of token ids, one after another.
struct SymbolWords {
  std::vector<std::int32_t> symbols;
  std::vector<std::size_t> ends;     ///< of each word in `symbols`
  std::vector<std::int64_t> counts;  ///< how often each word occurs
};

struct MergeLimits {
  std::int64_t vocabulary_size = 0;    ///< ends when there are so many tokens,
  std::int64_t minimum_frequency = 0;  ///< or no pair is this frequent
  std::size_t special_tokens = 0;      ///< so many first tokens are never made by merging
  std::string continuing_prefix;       ///< left out where a token that has it is the right half
  ProgressSink* progress = &silent_progress();
};

/// Merges the most frequent pair of neighbours, that of the lowest ids on ties, again and again;
/// appends each new text to `tokens`, whose ids the words are made of. The merges in the order in
/// which encoding applies them. Memory and time linear in the symbols, but for the queue of pairs.
std::vector<Merge> learn_merges(SymbolWords words, const MergeLimits& limits,
                                std::vector<std::string>& tokens);

}  // namespace bantam
