// Rounding: a row's levels are as a vector at most 46,330 long, so that the dot product of any two
// fits 32 bits (Cauchy-Schwarz), and none is above 8,191. Weights of a sum over rows may then add
// up to 262,000, and one alone may be 32,767: sharp attention keeps 15 bits, even attention over
// the most keys of a tile 12, about as much as the values that it averages.
//
// Register tiles: six rows meet four vectors where there are 32 registers, else three; each vector
// that is loaded serves all rows.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // which adds products of 16-bit integers up in one instruction
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/attention_products.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "bantam/tensor/cpu/attention_products.h"
#include "bantam/tensor/cpu/attention_tiles.h"
#include "bantam/tensor/cpu/exponential-inl.h"
#include "bantam/tensor/cpu/nearest-inl.h"
#include "bantam/tensor/cpu/pair_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::CappedTag<float, kTileWidthUnit>;
using IntTag = hn::RebindToSigned<FloatTag>;
using Floats = hn::Vec<FloatTag>;
using Ints = hn::Vec<IntTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kMostRows = kLanes == 16 ? 6 : 3;

constexpr float kLongestRow = 46330, kLargestLevel = 8191, kLargestWeight = 32767;
constexpr float kLargestSum = 262000, kLargestMultiplier = 1e37f;

template <class Level>
using TagOf = std::conditional_t<std::is_same_v<Level, float>, FloatTag, IntTag>;
template <class Level>
using Words = hn::Vec<TagOf<Level>>;

HWY_INLINE Floats add_products(Floats sum, Floats x, Floats y) { return hn::MulAdd(x, y, sum); }
HWY_INLINE Floats as_floats(Floats sum) { return sum; }
#if BANTAM_MULTIPLIES_I16
HWY_INLINE Ints add_products(Ints sum, Ints x, Ints y) { return add_pair_products(sum, x, y); }
HWY_INLINE Floats as_floats(Ints sum) { return hn::ConvertTo(FloatTag(), sum); }
#endif

// Calls tile(number of rows, first row) for tiles of most rows; what remains goes together.
template <class F>
HWY_INLINE void for_each_row_tile(int rows, F tile) {
  int row = 0;
  for (; row + kMostRows <= rows; row += kMostRows) {
    tile(std::integral_constant<int, kMostRows>(), row);
  }
  if constexpr (kMostRows == 6) {
    for (; row + 4 <= rows; row += 4) tile(std::integral_constant<int, 4>(), row);
  }
  for (; row + 2 <= rows; row += 2) tile(std::integral_constant<int, 2>(), row);
  if (row < rows) tile(std::integral_constant<int, 1>(), row);
}

// What all tiles of one call of dots() share.
template <class Level>
struct Dots {
  const Level* a;
  const float* a_scales;
  const Word<Level>* keys;
  const float* key_scales;
  int width;
  float factor;
  float* out;
  std::int64_t out_stride;
};

// Feature words of a row lie side by side, so one load spreads a word to all keys.
template <class Level>
HWY_INLINE Words<Level> spread_word(const Level* row, int word) {
  using Type = Word<Level>;
  Type value;
  hwy::CopySameSize(reinterpret_cast<const Type*>(row) + word, &value);
  return hn::Set(TagOf<Level>(), value);
}

template <int kRows, int kTiles, class Level>
HWY_INLINE void dots_of_tiles(const Dots<Level>& all, int first_row, int first_tile) {
  constexpr int kVectors = kTiles * kFeatureTile / kLanes, kInTile = kFeatureTile / kLanes;
  const TagOf<Level> d;
  const FloatTag df;
  const int words = all.width / kInWordOf<Level>;
  const Level* a = all.a + first_row * all.width;
  const Word<Level>* keys = all.keys + first_tile * words * kFeatureTile;
  Words<Level> sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::Zero(d);
  }
  for (int word = 0; word < words; ++word) {
    Words<Level> of_keys[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const int tile = v / kInTile, lane = v % kInTile * kLanes;
      of_keys[v] = hn::LoadU(d, keys + (tile * words + word) * kFeatureTile + lane);
    }
    for (int i = 0; i < kRows; ++i) {
      const Words<Level> of_row = spread_word(a + i * all.width, word);
      for (int v = 0; v < kVectors; ++v) sums[i][v] = add_products(sums[i][v], of_row, of_keys[v]);
    }
  }
  const std::int64_t first_key = std::int64_t{first_tile} * kFeatureTile;
  for (int v = 0; v < kVectors; ++v) {
    const std::int64_t at = first_key + v * kLanes;
    for (int i = 0; i < kRows; ++i) {
      Floats factor = hn::Set(df, all.factor * all.a_scales[first_row + i]);
      if constexpr (kJoinsNeighbors<Level>) {
        factor = hn::Mul(factor, hn::LoadU(df, all.key_scales + at));
      }
      hn::StoreU(hn::Mul(as_floats(sums[i][v]), factor), df,
                 all.out + (first_row + i) * all.out_stride + at);
    }
  }
}

template <class Level>
void dots(const Level* a, const float* a_scales, int rows, const Word<Level>* keys,
          const float* key_scales, int tiles, int width, float factor, float* out,
          std::int64_t out_stride) {
  // Tiles that make four vectors, or one.
  constexpr int kMostTiles = std::max(4 * kLanes / kFeatureTile, 1);
  const Dots<Level> all{a, a_scales, keys, key_scales, width, factor, out, out_stride};
  for_each_row_tile(rows, [&](auto some, int row) HWY_ATTR {
    int tile = 0;
    for (; tile + kMostTiles <= tiles; tile += kMostTiles) {
      dots_of_tiles<some.value, kMostTiles>(all, row, tile);
    }
    if constexpr (kMostTiles > 2) {
      for (; tile + 2 <= tiles; tile += 2) dots_of_tiles<some.value, 2>(all, row, tile);
    }
    for (; tile < tiles; ++tile) dots_of_tiles<some.value, 1>(all, row, tile);
  });
}

template <int kRows, int kVectors, class Level>
HWY_INLINE void mix_tile(float* HWY_RESTRICT out, std::int64_t out_stride, const float* kept,
                         const float* factors, const WeightWords<Level>& weights, int first_row,
                         const Word<Level>* HWY_RESTRICT rows, std::int64_t stride, int count) {
  const TagOf<Level> d;
  const FloatTag df;
  const Word<Level>* weight = weights.data + first_row * weights.row;
  Words<Level> sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::Zero(d);
  }
  for (int m = 0; m < count; ++m) {
    Words<Level> row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = hn::LoadU(d, rows + m * stride + v * kLanes);
    for (int i = 0; i < kRows; ++i) {
      const Words<Level> of_row = hn::Set(d, weight[i * weights.row + m * weights.column]);
      for (int v = 0; v < kVectors; ++v) sums[i][v] = add_products(sums[i][v], of_row, row[v]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    float* to = out + (first_row + i) * out_stride;
    const Floats keep = hn::Set(df, kept[first_row + i]);
    const Floats factor = hn::Set(df, factors[first_row + i]);
    for (int v = 0; v < kVectors; ++v, to += kLanes) {
      const Floats before = hn::Mul(hn::LoadU(df, to), keep);
      hn::StoreU(hn::MulAdd(as_floats(sums[i][v]), factor, before), df, to);
    }
  }
}

template <class Level>
void mix(float* out, std::int64_t out_stride, const float* kept, const float* factors,
         WeightWords<Level> weights, WordRows<Level> rows, int width) {
  for_each_row_tile(weights.count, [&](auto some, int row) HWY_ATTR {
    int e = 0;
    for (; e + 4 * kLanes <= width; e += 4 * kLanes) {
      mix_tile<some.value, 4>(out + e, out_stride, kept, factors, weights, row, rows.data + e,
                              rows.stride, rows.count);
    }
    for (; e < width; e += kLanes) {
      mix_tile<some.value, 1>(out + e, out_stride, kept, factors, weights, row, rows.data + e,
                              rows.stride, rows.count);
    }
  });
}

// A row of values, part by part: read and stored with nothing else between.
template <int kVectors>
struct Row {
  Floats parts[kVectors];
};

template <int kVectors>
HWY_INLINE Row<kVectors> load_row(const float* from) {
  Row<kVectors> row;
  for (int v = 0; v < kVectors; ++v) row.parts[v] = hn::LoadU(FloatTag(), from + v * kLanes);
  return row;
}
template <int kVectors>
HWY_INLINE void store_row(const Row<kVectors>& row, float* to) {
  for (int v = 0; v < kVectors; ++v) hn::StoreU(row.parts[v], FloatTag(), to + v * kLanes);
}

template <int kVectors>
HWY_INLINE float sum_of(const Row<kVectors>& row) {
  Floats sum = row.parts[0];
  for (int v = 1; v < kVectors; ++v) sum = hn::Add(sum, row.parts[v]);
  return hn::GetLane(hn::SumOfLanes(FloatTag(), sum));
}
template <int kVectors>
HWY_INLINE float largest_of(const Row<kVectors>& row) {
  Floats most = row.parts[0];
  for (int v = 1; v < kVectors; ++v) most = hn::Max(most, row.parts[v]);
  return hn::GetLane(hn::MaxOfLanes(FloatTag(), most));
}

// What levels are multiplied by to be values again: not a number where `size` is none.
HWY_INLINE float factor_of(float multiplier, float size) { return 1 / multiplier + (size - size); }

HWY_INLINE void store_levels(Ints levels, std::int16_t* to) {
  const hn::Rebind<std::int16_t, IntTag> shorts;
  hn::StoreU(hn::DemoteTo(shorts, levels), shorts, to);
}

// Weights times scales; the scale of what has no weight may be NaN.
HWY_INLINE Floats scaled(Floats weights, Floats scales) {
  const FloatTag d;
  return hn::IfThenElseZero(hn::Ne(weights, hn::Zero(d)), hn::Mul(weights, scales));
}

template <int kVectors>
HWY_INLINE float round_row_of_weights(Row<kVectors> row, const float* scales,
                                      std::int16_t* levels) {
  const FloatTag d;
  Row<kVectors> sizes;
  for (int v = 0; v < kVectors; ++v) {
    row.parts[v] = scaled(row.parts[v], hn::LoadU(d, scales + v * kLanes));
    sizes.parts[v] = hn::Abs(row.parts[v]);
  }
  const float total = sum_of(sizes), largest = largest_of(sizes);
  const float multiplier =
      std::min({kLargestSum / total, kLargestWeight / largest, kLargestMultiplier});
  for (int v = 0; v < kVectors; ++v) {
    store_levels(nearest(row.parts[v], hn::Set(d, multiplier)), levels + v * kLanes);
  }
  return factor_of(multiplier, total);
}
template <int kVectors>
HWY_INLINE float round_row_of_weights(const Row<kVectors>& row, const float*, float* levels) {
  store_row(row, levels);
  return 1;
}

template <int kVectors, class Level>
HWY_INLINE WeighedScores weigh_row(const float* scores, const float* scales, Level* levels) {
  const FloatTag d;
  Row<kVectors> row = load_row<kVectors>(scores);
  const float maximum = largest_of(row);
  if (maximum == -std::numeric_limits<float>::infinity()) {
    std::fill_n(levels, kVectors * kLanes, Level(0));
    // A maximum may lose NaN, a sum does not.
    const float sum = sum_of(row);
    return std::isnan(sum) ? WeighedScores{sum, sum, sum} : WeighedScores{maximum, 0, 0};
  }
  for (Floats& part : row.parts) part = exponential(d, hn::Sub(part, hn::Set(d, maximum)));
  return {maximum, sum_of(row), round_row_of_weights(row, scales, levels)};
}

// Calls f(number of vectors, first value) for rows of at most four tiles.
template <class F>
HWY_INLINE void for_each_part_of_row(int count, F f) {
  constexpr int kOfTile = kFeatureTile / kLanes;
  switch (count / kFeatureTile) {
    case 1:
      return f(std::integral_constant<int, kOfTile>());
    case 2:
      return f(std::integral_constant<int, 2 * kOfTile>());
    case 3:
      return f(std::integral_constant<int, 3 * kOfTile>());
    default:
      return f(std::integral_constant<int, 4 * kOfTile>());
  }
}

template <class Level>
WeighedScores weigh(const float* scores, const float* scales, int count, Level* levels) {
  WeighedScores weighed;
  for_each_part_of_row(count, [&](auto vectors) HWY_ATTR {
    weighed = weigh_row<vectors.value>(scores, scales, levels);
  });
  return weighed;
}

template <class Level>
float round_weights(const float* weights, const float* scales, int count, Level* levels) {
  float factor = 0;
  for_each_part_of_row(count, [&](auto vectors) HWY_ATTR {
    factor = round_row_of_weights(load_row<vectors.value>(weights), scales, levels);
  });
  return factor;
}

float copy_row(const float* values, int width, float* levels) {
  std::copy_n(values, width, levels);
  return 1;
}
void copy_columns(const float* weights, std::int64_t stride, const float*, int rows, int columns,
                  float* words, float* factors) {
  for (int i = 0; i < rows; ++i) std::copy_n(weights + i * stride, columns, words + i * stride);
  std::fill_n(factors, columns, 1.0f);
}

AttentionProducts<float> products_f32() {
  return {copy_row, dots<float>, mix<float>, weigh<float>, round_weights<float>, copy_columns};
}

#if BANTAM_MULTIPLIES_I16

float round_row(const float* values, int width, std::int16_t* levels) {
  const FloatTag d;
  Floats squares = hn::Zero(d), most = hn::Zero(d);
  for (int e = 0; e < width; e += kLanes) {
    const Floats x = hn::LoadU(d, values + e);
    squares = hn::MulAdd(x, x, squares);
    most = hn::Max(most, hn::Abs(x));
  }
  const float square = hn::GetLane(hn::SumOfLanes(d, squares));
  const float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  // Squares leave the range of f32 long before values do; a row is at most kMostLevelWidth wide.
  const bool is_in_range = square > 1e-30f && square < 1e37f;
  const float length = is_in_range ? std::sqrt(square) : 16 * largest;
  const float multiplier =
      std::min({kLongestRow / length, kLargestLevel / largest, kLargestMultiplier});
  for (int e = 0; e < width; e += kLanes) {
    store_levels(nearest(hn::LoadU(d, values + e), hn::Set(d, multiplier)), levels + e);
  }
  if (largest == 0) return square == 0 ? 0 : square;  // not the least number, which is slow
  return factor_of(multiplier, std::isnan(square) ? square : largest);
}

void round_columns(const float* weights, std::int64_t stride, const float* scales, int rows,
                   int columns, std::int32_t* words, float* factors) {
  const FloatTag d;
  const IntTag di;
  const auto row = [&](int i, int j) HWY_ATTR {
    return scaled(hn::LoadU(d, weights + i * stride + j), hn::Set(d, scales[i]));
  };
  for (int j = 0; j < columns; j += kLanes) {
    Floats total = hn::Zero(d), most = hn::Zero(d);
    for (int i = 0; i < rows; ++i) {
      const Floats x = hn::Abs(row(i, j));
      total = hn::Add(total, x);
      most = hn::Max(most, x);
    }
    const auto by = [&](float largest, Floats of)
                        HWY_ATTR { return hn::Div(hn::Set(d, largest), of); };
    Floats multiplier = hn::Min(by(kLargestSum, total), by(kLargestWeight, most));
    multiplier = hn::Min(multiplier, hn::Set(d, kLargestMultiplier));
    const Floats factor = hn::Div(hn::Set(d, 1.0f), multiplier);
    hn::StoreU(hn::Add(factor, hn::Sub(total, total)), d, factors + j);
    const auto levels = [&](int i) HWY_ATTR { return nearest_low_bits(row(i, j), multiplier); };
    std::int32_t* to = words + j;
    int i = 0;
    for (; i + 2 <= rows; i += 2, to += stride) {
      const Ints low = hn::And(levels(i), hn::Set(di, 0xFFFF));
      hn::StoreU(hn::Or(low, hn::ShiftLeft<16>(levels(i + 1))), di, to);
    }
    if (i < rows) hn::StoreU(hn::And(levels(i), hn::Set(di, 0xFFFF)), di, to);
  }
}

AttentionProducts<std::int16_t> products_i16() {
  return {round_row,           dots<std::int16_t>,          mix<std::int16_t>,
          weigh<std::int16_t>, round_weights<std::int16_t>, round_columns};
}
#else
AttentionProducts<std::int16_t> products_i16() { return {}; }
#endif

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {

HWY_EXPORT(products_f32);
HWY_EXPORT(products_i16);

const AttentionProducts<float>& attention_products_f32() {
  static const AttentionProducts<float> instance = HWY_DYNAMIC_DISPATCH(products_f32)();
  return instance;
}

const AttentionProducts<std::int16_t>* attention_products_i16() {
  static const AttentionProducts<std::int16_t> instance = HWY_DYNAMIC_DISPATCH(products_i16)();
  return instance.dots == nullptr ? nullptr : &instance;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
