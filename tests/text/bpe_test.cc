#include "bantam/text/bpe.h"

#include <gmock/gmock.h>
#include <time.h>

#include <random>

namespace bantam {
namespace {

/// Tokens 0..255 are the bytes; the merges make 256, 257, ...
PairMerger merger(const std::vector<Merge>& merges) {
  std::array<std::int32_t, 256> bytes;
  for (int i = 0; i < 256; ++i) bytes[i] = i;
  return PairMerger(bytes, merges, -1, false);
}

std::vector<std::int32_t> ids(const PairMerger& merger, std::string_view text) {
  std::vector<MergedToken> tokens;
  merger.merge(text, tokens);
  std::vector<std::int32_t> ids;
  for (const MergedToken& token : tokens) ids.push_back(token.id);
  return ids;
}

/// The definition: again and again, the leftmost of the pairs of lowest rank.
std::vector<std::int32_t> by_definition(const std::vector<Merge>& merges, std::string_view text) {
  std::vector<std::int32_t> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  for (;;) {
    std::size_t best_rank = merges.size(), best = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      for (std::size_t rank = 0; rank < best_rank; ++rank) {
        if (merges[rank].left == ids[i] && merges[rank].right == ids[i + 1]) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == merges.size()) return ids;
    ids[best] = merges[best_rank].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(PairMerger, ShortAndLongPiecesFollowTheDefinition) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<Merge> merges;
    const std::int32_t letters = 3;
    for (std::int32_t i = 0; i < 20; ++i) {
      const auto pick = [&] {
        const auto n = static_cast<std::int32_t>(random() % static_cast<unsigned>(letters + i));
        return n < letters ? 'a' + n : 256 + n - letters;
      };
      const Merge merge{pick(), pick(), 256 + i};
      const bool known = std::any_of(merges.begin(), merges.end(), [&](const Merge& m) {
        return m.left == merge.left && m.right == merge.right;
      });
      merges.push_back(known ? Merge{'z', 1000 + i, 256 + i} : merge);
    }
    const PairMerger merge = merger(merges);
    for (const std::size_t length : {1, 2, 7, 47, 48, 49, 200}) {
      std::string text;
      for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + random() % 3);
      ASSERT_EQ(ids(merge, text), by_definition(merges, text)) << text;
    }
  }
}

// T2: all pairs of a long run compare equal. Work that grew with its square would not end before
// the test's time limit.
TEST(PairMerger, AMegabyteOfOneLetterIsMerged) {
  std::vector<Merge> merges = {{'a', 'a', 256}};
  for (std::int32_t i = 0; i < 6; ++i) merges.push_back({256 + i, 256 + i, 257 + i});
  const PairMerger merge = merger(merges);
  const std::string text(1 << 20, 'a');
  EXPECT_EQ(ids(merge, text), std::vector<std::int32_t>((1 << 20) / 128, 262));
}

TEST(PairMerger, BytesWithoutATokenAreDroppedOrBecomeUnknown) {
  std::array<std::int32_t, 256> bytes;
  bytes.fill(-1);
  bytes['a'] = 5;
  EXPECT_EQ(ids(PairMerger(bytes, {}, -1, false), "xaxxa"), (std::vector<std::int32_t>{5, 5}));
  EXPECT_EQ(ids(PairMerger(bytes, {}, 0, false), "axx"), (std::vector<std::int32_t>{5, 0, 0}));
  EXPECT_EQ(ids(PairMerger(bytes, {}, 0, true), "axx"), (std::vector<std::int32_t>{5, 0}));
  std::vector<MergedToken> tokens;
  PairMerger(bytes, {}, -1, false).merge("xaxxa", tokens);
  EXPECT_EQ(tokens[0].length, 4u) << "a dropped byte belongs to a neighbour's range";
}

}  // namespace
}  // namespace bantam
