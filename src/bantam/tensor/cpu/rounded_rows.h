// Rows of x rounded to 8 bits: what meets the integer levels of a quantized weight when answering.
//
// Each group of 32 features has its own scale, largest magnitude / 127, so that x is scale * level
// with levels in -127 … 127. A few groups, those that hold a row's outliers, would bring most of
// the error: their remainder is rounded once more, to 8 bits of its own, and counts as a second
// term. Products of levels are exact in 32-bit integers; only the sums over groups are rounded, in
// an order that depends on neither rows nor threads: first terms by group, then second terms.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

class RoundedRows {
 public:
  static constexpr int kGroup = 32;
  /// Groups whose squared scale is this many times the row's mean keep their remainder. At 4 it is
  /// one group in twenty of SmolLM2's activations, and perplexity rises by 0.06 % instead of 0.3 %.
  static constexpr float kOutlier = 4;
  /// Rows of a block that is not wide: this many, or a smaller power of two.
  static constexpr int kMostNarrow = 8;

  /// The second term of one group of one row.
  struct Remainder {
    std::int32_t row;  ///< of its block
    std::int32_t group;
    float scale;
    std::int8_t levels[kGroup];
    std::int32_t negative_sums[3];  ///< as of a block
  };

  /// Rows that a kernel takes together. R = stride; what belongs to one group of all rows is
  /// contiguous.
  struct Block {
    bool wide;
    int rows;    ///< that there are
    int stride;  ///< that have room side by side: rows, or more in a wide block
    std::int64_t first_row;
    /// First terms: levels [groups][R][32], so that a row's levels are broadcast by fours; when
    /// wide [groups][8][R][4], so that a vector holds as many rows as it has lanes.
    const std::int8_t* levels;
    const float* scales;  ///< [groups][R]
    /// Minus the sum of the levels over the first half of a group, the second, and both:
    /// [groups][3][R]. Times the center of a format's levels, what its sums of products start from.
    const std::int32_t* negative_sums;
    /// Sums of the rounded x, both terms: [groups][R]. What a format's minimum is multiplied by.
    const float* sums;
    std::span<const Remainder> remainders;  ///< those of a row by group
  };

  /// Rows of wide blocks: vectors of `lanes` rows, two or `vectors` of them.
  struct Wide {
    int lanes, vectors;
  };

  /// x [rows, width], width a multiple of 32. Blocks are wide as long as there are more rows than
  /// one vector holds, then narrow ones follow.
  RoundedRows(const float* x, std::int64_t rows, std::int64_t width, Wide wide) {
    round(x, rows, width, wide);
  }
  RoundedRows() = default;
  /// The same, in the memory that there is already. `make`, unless empty, makes rows of x first …
  /// last just before they are rounded, on the thread that rounds them.
  using MakeRows = std::function<void(std::int64_t first, std::int64_t last)>;
  void round(const float* x, std::int64_t rows, std::int64_t width, Wide wide,
             const MakeRows& make = {});

  std::int64_t rows() const { return rows_; }
  std::int64_t width() const { return width_; }
  std::int64_t groups() const { return width_ / kGroup; }
  std::span<const Block> blocks() const { return blocks_; }

 private:
  void lay_out(Wide wide);
  void round_block(const float* x, std::size_t index);

  std::int64_t rows_ = 0, width_ = 0;
  std::int64_t stored_ = 0;  // rows that there is room for
  std::vector<Block> blocks_;
  std::vector<std::vector<Remainder>> remainders_;  // of each block
  Tensor memory_;                                   // what blocks point to, as i32
};

}  // namespace bantam::cpu
