// Rows of x rounded to 8 bits: what meets the integer levels of a quantized weight when answering.
//
// Each group of 32 features has its own scale, largest magnitude / 127, so that x is scale * level
// with levels in -127 … 127. A few groups, those that hold a row's outliers, would bring most of
// the error: their remainder is rounded once more, to 8 bits of its own, and counts as a second
// term. Products of levels are exact in 32-bit integers; only the sums over groups are rounded, in
// an order that depends on neither rows nor threads.
#pragma once

#include <cstdint>
#include <vector>

namespace bantam::cpu {

class RoundedRows {
 public:
  static constexpr int kGroup = 32;
  /// Groups whose squared scale is this many times the row's mean keep their remainder. At 4 it is
  /// one group in twenty of SmolLM2's activations, and perplexity rises by 0.06 % instead of 0.3 %.
  static constexpr float kOutlier = 4;

  static constexpr int kMostRows = 8;

  /// Up to kMostRows rows that a kernel takes together. R = rows; what belongs to one group of all
  /// rows is contiguous.
  struct Block {
    int rows;  ///< 8, 4, 2 or 1
    std::int64_t first_row;
    /// Terms 0 and 1: levels [groups][R][32], scales [groups][R]. Where a group has no remainder,
    /// the scale of term 1 is 0 and its levels are 0.
    const std::int8_t* levels[2];
    const float* scales[2];
    /// Sums of the rounded x, both terms, over the first half of a group, the second, and both:
    /// [groups][3][R]. What a format's minimum is multiplied by.
    const float* sums;
    /// One bit a group: one of the rows has a remainder there. [(groups + 63) / 64]
    const std::uint64_t* remainders;
  };

  /// x [rows, width], width a multiple of 32.
  RoundedRows(const float* x, std::int64_t rows, std::int64_t width);

  std::int64_t rows() const { return rows_; }
  std::int64_t width() const { return width_; }
  std::int64_t groups() const { return width_ / kGroup; }
  std::int64_t blocks() const { return blocks_; }
  Block block(std::int64_t index) const;

 private:
  std::int64_t words() const { return (groups() + 63) / 64; }

  std::int64_t rows_, width_, blocks_;
  std::vector<std::int8_t> levels_[2];
  std::vector<float> scales_[2], sums_;
  std::vector<std::uint64_t> remainders_;
};

}  // namespace bantam::cpu
