#include "bantam/text/training/count_tokens.h"

#include <atomic>

#include "bantam/base/threads.h"
#include "bantam/text/piece_encoder.h"

namespace bantam {

TokenTotals count_tokens(const Tokenizer& tokenizer, const WordCounts& words) {
  constexpr std::int64_t words_at_a_time = 4096;
  const PieceEncoder encoder(tokenizer.vocabulary());
  std::atomic<std::int64_t> tokens = 0, bytes = 0;
  parallel_for(std::ssize(words.words), words_at_a_time, [&](std::int64_t begin, std::int64_t end) {
    std::vector<MergedToken> found;
    std::int64_t own_tokens = 0, own_bytes = 0;
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      found.clear();
      encoder.encode(words.words[i], found);
      own_tokens += words.counts[i] * std::ssize(found);
      own_bytes += words.counts[i] * std::ssize(words.words[i]);
    }
    tokens += own_tokens;
    bytes += own_bytes;
  });
  return {tokens, bytes};
}

}  // namespace bantam
