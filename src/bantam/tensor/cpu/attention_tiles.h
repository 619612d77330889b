// The inner loops of attention: products between a few query rows and a tile of key or value rows,
// f32 or f16, with a width that is a multiple of kTileWidthUnit. A product has the same bits
// whatever rows and keys stand beside it, and whether its f16 key or value was widened before.
#pragma once

#include <cstdint>

namespace bantam::cpu {

/// Lanes of the widest vector: attention pads other head widths.
constexpr int kTileWidthUnit = 16;

/// Rows in memory, `stride` elements apart.
template <class Element>
struct RowsOf {
  const Element* data;
  std::int64_t stride;
  int count;
  const Element* soon = nullptr;  ///< f16 rows like these that are read next: fetched meanwhile
};
using Rows = RowsOf<float>;
using HalfRows = RowsOf<std::uint16_t>;  ///< f16

/// Unfinished rows: weighted sums of values relative to exp(maximum), and the sums of the weights.
struct PartialRows {
  float *outputs, *maximum, *sum;

  PartialRows from(std::int64_t row, int width) const {
    return {outputs + row * width, maximum + row, sum + row};
  }
};
struct EachStep {
  std::int64_t first, last, step;
};

struct AttentionTiles {
  /// Rows that are taken at a time: multiples of it waste nothing.
  int rows;
  /// out[i * out_stride + j] = factor * a_i · b_j.
  void (*dots)(Rows a, Rows b, int width, float factor, float* out, std::int64_t out_stride);
  /// The same for `keys` rows b_j that lie four features at a time: row e of b, of a quarter of
  /// the width, holds features 4 e … 4 e + 3 of each. Of keys, whole units of kTileWidthUnit are
  /// read and written.
  void (*scores)(Rows a, Rows b, int keys, float factor, float* out, std::int64_t out_stride);
  void (*scores_half)(Rows a, HalfRows b, int keys, float factor, float* out,
                      std::int64_t out_stride);
  /// out_i += Σ_j c[i * c_row + j * c_column] * b_j for `count` rows of out.
  void (*mix)(float* out, std::int64_t out_stride, int count, const float* c, std::int64_t c_row,
              std::int64_t c_column, Rows b, int width);
  void (*mix_half)(float* out, std::int64_t out_stride, int count, const float* c,
                   std::int64_t c_row, std::int64_t c_column, HalfRows b, int width);
  /// Largest of `count` values.
  float (*max)(const float* values, int count);
  /// values = exp(values - shift) in place; returns their sum. NaN stays NaN.
  float (*exp_and_sum)(float* values, int count, float shift);
  /// p = exp(p - log_sum_exp); ds = p * (ds - mean) * scale, in place: the gradient of softmax.
  void (*probability_gradients)(float* p, float* ds, int count, float log_sum_exp, float mean,
                                float scale);
  /// f16 to f32; fetches as many from `soon`, unless it is null.
  void (*widen)(const std::uint16_t* from, int count, const std::uint16_t* soon, float* out);
  /// f32 to f16, to nearest, ties to even; finite values beyond its range become its largest.
  void (*narrow)(const float* from, int count, std::uint16_t* out);
  /// Adds to rows what other keys gave them; where these had no weight, nothing changes.
  void (*merge)(const PartialRows& into, const PartialRows& others, const EachStep& rows,
                int width);
  /// out = from * factor; may be in place.
  void (*scale)(const float* from, int count, float factor, float* out);
};

/// The best ones for this CPU.
const AttentionTiles& attention_tiles();

}  // namespace bantam::cpu
