// Products of matrices in tiles: some columns are a panel, which stays in a second-level cache; all
// rows pass by it, 32 at a time, and each 32 meet two tiles of columns at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "bantam/tensor/cpu/amx.h"

namespace bantam::cpu {

/// Rows or columns that tiles of products take together.
constexpr int kAmxPair = 2 * kAmxRows;
inline std::int64_t amx_pairs(std::int64_t count) { return (count + kAmxPair - 1) / kAmxPair; }

/// How groups are cut in parts of at most so many, so that what belongs to one stays in a cache.
struct AmxParts {
  AmxParts(std::int64_t groups, std::int64_t most)
      : count(std::max<std::int64_t>((groups + most - 1) / most, 1)),
        at_once((groups + count - 1) / count) {}
  std::int64_t count, at_once;
};

/// Rows in bf16: [pairs of blocks of 16 rows][2][groups of 32 neighbors][16][32], zeros after the
/// last.
struct AmxRows {
  std::int64_t rows, groups;
  std::uint16_t* tiles;

  std::uint16_t* tile(std::int64_t block, std::int64_t group) const {
    return tiles + (block * groups + group) * kAmxTile;
  }
};

/// Where products go: [rows, columns], rows `stride` floats apart; added to when `accumulate`. It
/// is `far` when it is neither in the caches nor read before other work has passed through them.
struct AmxOutput {
  float* data;
  std::int64_t columns, stride;
  bool accumulate;
  bool far = false;
};

/// Some pairs of tiles of columns, and some of their groups.
struct AmxPanel {
  std::int64_t first_pair, last_pair, begin, end;

  std::int64_t of_tile() const { return (end - begin) * kAmxTile; }  ///< elements
};
/// Writes a panel as [pairs][2][groups][16 pairs of neighbors][16 columns][2]; what a last pair has
/// beyond the last column may be anything.
using OpenPanel = std::function<void(const AmxPanel& panel, std::uint16_t* tiles)>;

/// Pairs of a panel, for `pairs` of all columns with so many groups: threads get as many panels, as
/// large as can be.
std::int64_t pairs_of_panel(std::int64_t pairs, std::int64_t groups);

/// Multiplies pairs first … last, at most pairs_of_panel(), on this thread. A sum adds up groups in
/// their order, so its bits depend on its row and column alone.
void multiply_pairs(const AmxRows& x, std::int64_t first, std::int64_t last, const OpenPanel& open,
                    const AmxOutput& out);

/// Takes sums [rows, 32 * pairs] of some rows of x, from `row` on, and may write to them.
using TakeSums =
    std::function<void(std::int64_t row, std::int64_t rows, float* sums, std::int64_t stride)>;
/// Multiplies pairs 0 … `pairs` and hands the sums on while they are in the cache: where what is
/// made of them is smaller, memory never sees them.
void multiply_pairs(const AmxRows& x, std::int64_t pairs, const OpenPanel& open,
                    const TakeSums& take);

}  // namespace bantam::cpu
