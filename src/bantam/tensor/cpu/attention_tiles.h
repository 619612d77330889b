// The inner loops of attention: products between a few query rows and a tile of key or value rows.
// All rows are f32 with a width that is a multiple of kTileWidthUnit.
#pragma once

#include <cstdint>

namespace bantam::cpu {

/// Lanes of the widest vector: attention pads other head widths.
constexpr int kTileWidthUnit = 16;

/// Rows in memory, `stride` elements apart.
struct Rows {
  const float* data;
  std::int64_t stride;
  int count;
};

struct AttentionTiles {
  /// out[i * out_stride + j] = factor * a_i · b_j.
  void (*dots)(Rows a, Rows b, int width, float factor, float* out, std::int64_t out_stride);
  /// out_i += Σ_j c[i * c_row + j * c_column] * b_j for `count` rows of out.
  void (*mix)(float* out, std::int64_t out_stride, int count, const float* c, std::int64_t c_row,
              std::int64_t c_column, Rows b, int width);
  /// Largest of `count` values.
  float (*max)(const float* values, int count);
  /// values = exp(values - shift) in place; returns their sum. NaN stays NaN.
  float (*exp_and_sum)(float* values, int count, float shift);
  /// p = exp(p - log_sum_exp); ds = p * (ds - mean) * scale, in place: the gradient of softmax.
  void (*probability_gradients)(float* p, float* ds, int count, float log_sum_exp, float mean,
                                float scale);
  /// values *= factor.
  void (*multiply)(float* values, int count, float factor);
};

/// The best ones for this CPU.
const AttentionTiles& attention_tiles();

}  // namespace bantam::cpu
