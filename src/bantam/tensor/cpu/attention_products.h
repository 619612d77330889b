// The products of attention where all of a call's queries and keys are known, as in training: f32,
// or integers of 16 bits, of which a CPU multiplies up to twice as many at a time.
//
// Rows become levels with a scale of their own, value = level * scale; in f32 a level is the value
// and scales are 1. Where a product adds up over rows, their scales go into the weights that it
// multiplies them by, which then become levels, too. So nothing that a query does not see moves a
// bit of what it gets. Dot products of levels are exact (attention_products.cc).
#pragma once

#include <cstdint>

namespace bantam::cpu {

/// Keys whose features lie side by side.
constexpr int kFeatureTile = 16;

/// 32 bits: one float, or the levels of two neighbors.
template <class Level>
struct WordOf;
template <>
struct WordOf<float> {
  using Type = float;
};
template <>
struct WordOf<std::int16_t> {
  using Type = std::int32_t;
};
template <class Level>
using Word = typename WordOf<Level>::Type;
template <class Level>
constexpr int kInWordOf = 4 / sizeof(Level);
template <class Level>
constexpr bool kJoinsNeighbors = sizeof(Level) == 2;

/// `count` rows of weights; row i multiplies row m of something by the word
/// data[i * row + m * column].
template <class Level>
struct WeightWords {
  const Word<Level>* data;
  std::int64_t row, column;
  int count;
};

/// Rows of words: with levels, word e of row m holds feature e of neighbors 2 m and 2 m + 1.
template <class Level>
struct WordRows {
  const Word<Level>* data;
  std::int64_t stride;
  int count;
};

/// What the weights of a row of scores, exp(score - maximum), come to.
struct WeighedScores {
  float maximum = 0, sum = 0;
  float factor = 0;  ///< turns levels of weights back
};

/// Widths are multiples of kTileWidthUnit, counts of scores of kFeatureTile.
template <class Level>
struct AttentionProducts {
  /// The scale of `width` values and their levels. What is not finite makes the scale NaN.
  float (*round)(const float* values, int width, Level* levels);
  /// out[i * out_stride + j] = factor * a_i · key_j for `rows` rows [width] of levels and the keys
  /// of `tiles` tiles [width / kInWordOf][kFeatureTile] of words.
  void (*dots)(const Level* a, const float* a_scales, int rows, const Word<Level>* keys,
               const float* key_scales, int tiles, int width, float factor, float* out,
               std::int64_t out_stride);
  /// out_i = kept[i] * out_i + factors[i] * Σ_m weight(i, m) * row m.
  void (*mix)(float* out, std::int64_t out_stride, const float* kept, const float* factors,
              WeightWords<Level> weights, WordRows<Level> rows, int width);
  /// The levels of weights times scales; a score of -inf has no weight. With nothing else the
  /// maximum is -inf, the rest 0.
  WeighedScores (*weigh)(const float* scores, const float* scales, int count, Level* levels);
  /// The levels of weights[j] * scales[j], of which those with a weight of 0 are 0; returns what
  /// turns them back.
  float (*round_weights)(const float* weights, const float* scales, int count, Level* levels);
  /// The same for columns: weights [rows][stride] of which row i has the scale scales[i], words
  /// [rows / kInWordOf, up][stride]. factors [columns] turn them back.
  void (*round_columns)(const float* weights, std::int64_t stride, const float* scales, int rows,
                        int columns, Word<Level>* words, float* factors);
};

/// Most rows that round_columns takes, and the widest rows, before a sum might not fit 32 bits.
constexpr int kMostColumnRows = 256, kMostLevelWidth = 256;

/// Those for f32.
const AttentionProducts<float>& attention_products_f32();
/// Those for levels of 16 bits; null where the CPU multiplies them no faster than floats.
const AttentionProducts<std::int16_t>* attention_products_i16();

}  // namespace bantam::cpu
