// Register tiles: 3 query rows (SmolLM2 and many others have 3 or more query heads a key head) meet
// 4 key rows, so that 7 loads feed 12 products; 12 sums, 3 rows and 1 key fill AVX2's 16 registers.
// The 32 of AVX-512 hold twice as many rows, which then read each key half as often.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/attention_tiles.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <type_traits>

#include "bantam/tensor/cpu/attention_tiles.h"
#include "bantam/tensor/cpu/exponential-inl.h"
#include "bantam/tensor/cpu/vector_loop-inl.h"
#include "bantam/tensor/float16.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, kTileWidthUnit>;
using Vector = hn::Vec<Tag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));
constexpr int kMostRows = kLanes == 16 ? 6 : 3;

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void store_four_sums(Vector a, Vector b, Vector c, Vector d, float factor, float* out) {
  out[0] = factor * hn::GetLane(a);
  out[1] = factor * hn::GetLane(b);
  out[2] = factor * hn::GetLane(c);
  out[3] = factor * hn::GetLane(d);
}
#else
template <class V>
HWY_INLINE auto in_one_block(hn::CappedTag<float, 4>, V four) {
  return four;
}
template <class D, class V>
HWY_INLINE auto in_one_block(D, V wide) {
  const hn::Half<D> half;
  return in_one_block(half, hn::Add(hn::LowerHalf(half, wide), hn::UpperHalf(half, wide)));
}

// Lane i of a block of four: the sum over that block of vector i.
HWY_INLINE Vector sums_of_blocks(Vector a, Vector b, Vector c, Vector d) {
  const Tag tag;
  const hn::RepartitionToWide<Tag> pairs;
  const auto ab = hn::Add(hn::InterleaveLower(tag, a, b), hn::InterleaveUpper(tag, a, b));
  const auto cd = hn::Add(hn::InterleaveLower(tag, c, d), hn::InterleaveUpper(tag, c, d));
  const auto ab2 = hn::BitCast(pairs, ab), cd2 = hn::BitCast(pairs, cd);
  return hn::Add(hn::BitCast(tag, hn::InterleaveLower(pairs, ab2, cd2)),
                 hn::BitCast(tag, hn::InterleaveUpper(pairs, ab2, cd2)));
}

// out[0 … 3] = factor * the sums of the lanes of four vectors, with a quarter of the shuffles of
// four separate reductions.
HWY_INLINE void store_four_sums(Vector a, Vector b, Vector c, Vector d, float factor, float* out) {
  const hn::CappedTag<float, 4> four;
  const auto sums = in_one_block(Tag(), sums_of_blocks(a, b, c, d));
  hn::StoreU(hn::Mul(sums, hn::Set(four, factor)), four, out);
}
#endif

HWY_INLINE Vector load(const float* from) { return hn::LoadU(Tag(), from); }
HWY_INLINE Vector load(const std::uint16_t* from) {
  const hn::Rebind<hwy::float16_t, Tag> halves;
  return hn::PromoteTo(Tag(), hn::LoadU(halves, reinterpret_cast<const hwy::float16_t*>(from)));
}

// Keys and values of a past come from memory once a token, with too much arithmetic between two
// rows for the hardware to run far enough ahead by itself. A core waits for few lines at once in
// its first-level cache: what is read next goes to the second, from where a line takes little time.
constexpr std::int64_t kNearBytes = 512, kLineBytes = 64;
HWY_INLINE void fetch_ahead(RowsOf<float>, const float*, int) {}
// While so many elements of `rows` are read from `now` on.
HWY_INLINE void fetch_ahead(RowsOf<std::uint16_t> rows, const std::uint16_t* now, int elements) {
  constexpr int kRead = 0, kSecondLevel = 2;
  const std::int64_t size = elements * std::int64_t{sizeof(*now)};
  const auto* near = reinterpret_cast<const char*>(now) + kNearBytes;
  for (std::int64_t i = 0; i < size; i += kLineBytes) hwy::Prefetch(near + i);
  if (rows.soon == nullptr) return;
  const auto* soon = reinterpret_cast<const char*>(rows.soon + (now - rows.data));
  for (std::int64_t i = 0; i < size; i += kLineBytes) {
    __builtin_prefetch(soon + i, kRead, kSecondLevel);
  }
}

// Calls tile(number of rows, first row) for tiles of six rows or three; what remains goes in pairs
// rather than alone, for each tile loads all keys.
template <class F>
HWY_INLINE void for_each_row_tile(int rows, F tile) {
  int row = 0;
  if constexpr (kMostRows == 6) {
    for (; row + 6 <= rows; row += 6) tile(std::integral_constant<int, 6>(), row);
  }
  for (; row + 3 <= rows && rows - row != 4; row += 3) {
    tile(std::integral_constant<int, 3>(), row);
  }
  for (; row + 2 <= rows; row += 2) tile(std::integral_constant<int, 2>(), row);
  if (row < rows) tile(std::integral_constant<int, 1>(), row);
}

template <int kRows, int kKeys>
HWY_INLINE void dots_tile(const float* HWY_RESTRICT a, std::int64_t a_stride,
                          const float* HWY_RESTRICT b, std::int64_t b_stride, int width,
                          float factor, float* HWY_RESTRICT out, std::int64_t out_stride) {
  const Tag d;
  Vector sums[kRows][kKeys];
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kKeys; ++j) sums[i][j] = hn::Zero(d);
  }
  for (int e = 0; e < width; e += kLanes) {
    Vector row[kRows];
    for (int i = 0; i < kRows; ++i) row[i] = hn::LoadU(d, a + i * a_stride + e);
    for (int j = 0; j < kKeys; ++j) {
      const Vector key = hn::LoadU(d, b + j * b_stride + e);
      for (int i = 0; i < kRows; ++i) sums[i][j] = hn::MulAdd(row[i], key, sums[i][j]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    if constexpr (kKeys == 4) {
      store_four_sums(sums[i][0], sums[i][1], sums[i][2], sums[i][3], factor, out + i * out_stride);
    } else {
      // Lanes are added in the order of a full tile.
      float four[4];
      store_four_sums(sums[i][0], sums[i][0], sums[i][0], sums[i][0], factor, four);
      out[i * out_stride] = four[0];
    }
  }
}

template <int kRows>
void dots_rows(const float* a, std::int64_t a_stride, Rows b, int width, float factor, float* out,
               std::int64_t out_stride) {
  int j = 0;
  for (; j + 4 <= b.count; j += 4) {
    dots_tile<kRows, 4>(a, a_stride, b.data + j * b.stride, b.stride, width, factor, out + j,
                        out_stride);
  }
  for (; j < b.count; ++j) {
    dots_tile<kRows, 1>(a, a_stride, b.data + j * b.stride, b.stride, width, factor, out + j,
                        out_stride);
  }
}

void dots(Rows a, Rows b, int width, float factor, float* out, std::int64_t out_stride) {
  for_each_row_tile(a.count, [&](auto rows, int row) HWY_ATTR {
    dots_rows<rows.value>(a.data + row * a.stride, a.stride, b, width, factor,
                          out + row * out_stride, out_stride);
  });
}

// The factors stay in registers and each vector of b serves all rows at once: 12 sums, 3 factors
// and 1 vector.
template <int kRows, int kVectors, class Element>
HWY_INLINE void mix_tile(float* HWY_RESTRICT out, std::int64_t out_stride,
                         const float* HWY_RESTRICT c, std::int64_t c_row, std::int64_t c_column,
                         RowsOf<Element> b, int first) {
  const Tag d;
  Vector sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::LoadU(d, out + i * out_stride + v * kLanes);
  }
  for (int j = 0; j < b.count; ++j) {
    const Element* HWY_RESTRICT const values = b.data + j * b.stride + first;
    fetch_ahead(b, values, kVectors * kLanes);
    Vector factors[kRows];
    for (int i = 0; i < kRows; ++i) factors[i] = hn::Set(d, c[i * c_row + j * c_column]);
    for (int v = 0; v < kVectors; ++v) {
      const Vector row = load(values + v * kLanes);
      for (int i = 0; i < kRows; ++i) sums[i][v] = hn::MulAdd(factors[i], row, sums[i][v]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sums[i][v], d, out + i * out_stride + v * kLanes);
    }
  }
}

template <int kRows, class Element>
void mix_rows(float* out, std::int64_t out_stride, const float* c, std::int64_t c_row,
              std::int64_t c_column, RowsOf<Element> b, int width) {
  int e = 0;
  for (; e + 4 * kLanes <= width; e += 4 * kLanes) {
    mix_tile<kRows, 4>(out + e, out_stride, c, c_row, c_column, b, e);
  }
  for (; e < width; e += kLanes) {
    mix_tile<kRows, 1>(out + e, out_stride, c, c_row, c_column, b, e);
  }
}

template <class Element>
void mix(float* out, std::int64_t out_stride, int count, const float* c, std::int64_t c_row,
         std::int64_t c_column, RowsOf<Element> b, int width) {
  for_each_row_tile(count, [&](auto rows, int row) HWY_ATTR {
    mix_rows<rows.value>(out + row * out_stride, out_stride, c + row * c_row, c_row, c_column, b,
                         width);
  });
}

#if HWY_TARGET == HWY_SCALAR
template <class Element>
void scores(Rows a, RowsOf<Element> b, int keys, float factor, float* out,
            std::int64_t out_stride) {
  for (int i = 0; i < a.count; ++i) {
    for (int key = 0; key < keys; ++key) {
      float sums[4] = {};
      for (int e = 0; e < 4 * b.count; ++e) {
        const float feature = hn::GetLane(load(b.data + e / 4 * b.stride + 4 * key + e % 4));
        sums[e % 4] += a.data[i * a.stride + e] * feature;
      }
      out[i * out_stride + key] = factor * ((sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
  }
}
#else
// Where sums_of_blocks() leaves block `b` of vector v: in lane v of block b.
struct OrderOfKeys {
  std::int32_t lanes[kLanes] = {};
  constexpr OrderOfKeys() {
    constexpr int kBlocks = kLanes / 4;
    for (int key = 0; key < kLanes; ++key) lanes[key] = key % kBlocks * 4 + key / kBlocks;
  }
};
constexpr OrderOfKeys kOrder;

// Scores of as many keys as a vector has lanes, from `first` on, four vectors of b: each block of
// four lanes is a key, and blocks of four features of a row of `a` meet all of them.
template <int kRows, class Element>
HWY_INLINE void scores_tile(Rows a, RowsOf<Element> b, int first, float factor,
                            float* HWY_RESTRICT out, std::int64_t out_stride) {
  const Tag d;
  constexpr int kVectors = 4;
  Vector sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::Zero(d);
  }
  for (int e = 0; e < b.count; ++e) {
    const Element* HWY_RESTRICT const keys = b.data + e * b.stride + 4 * first;
    fetch_ahead(b, keys, kVectors * kLanes);
    Vector features[kRows];
    for (int i = 0; i < kRows; ++i) {
      features[i] = hn::LoadDup128(d, a.data + i * a.stride + 4 * e);
    }
    for (int v = 0; v < kVectors; ++v) {
      const Vector some = load(keys + v * kLanes);
      for (int i = 0; i < kRows; ++i) sums[i][v] = hn::MulAdd(features[i], some, sums[i][v]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    const Vector of_keys = sums_of_blocks(sums[i][0], sums[i][1], sums[i][2], sums[i][3]);
    hn::StoreU(hn::Mul(hn::TableLookupLanes(of_keys, hn::SetTableIndices(d, kOrder.lanes)),
                       hn::Set(d, factor)),
               d, out + i * out_stride + first);
  }
}

template <class Element>
void scores(Rows a, RowsOf<Element> b, int keys, float factor, float* out,
            std::int64_t out_stride) {
  for_each_row_tile(a.count, [&](auto rows, int row) HWY_ATTR {
    const Rows of_tile{a.data + row * a.stride, a.stride, a.count};
    for (int key = 0; key < keys; key += kLanes) {
      scores_tile<rows.value>(of_tile, b, key, factor, out + row * out_stride, out_stride);
    }
  });
}
#endif

float max(const float* values, int count) {
  const Tag d;
  int i = 0;
  float largest = values[0];
  if (count >= kLanes) {
    Vector most = hn::LoadU(d, values);
    for (i = kLanes; i + kLanes <= count; i += kLanes) {
      most = hn::Max(most, hn::LoadU(d, values + i));
    }
    largest = hn::GetLane(hn::MaxOfLanes(d, most));
  }
  for (; i < count; ++i) largest = values[i] > largest ? values[i] : largest;
  return largest;
}

float exp_and_sum(float* values, int count, float shift) {
  const Tag d;
  Vector sums = hn::Zero(d);
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vector p = exponential(d, hn::Sub(hn::LoadU(d, values + i), hn::Set(d, shift)));
    hn::StoreU(p, d, values + i);
    sums = hn::Add(sums, p);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  const hn::CappedTag<float, 1> d1;
  for (; i < count; ++i) {
    values[i] = hn::GetLane(exponential(d1, hn::Set(d1, values[i] - shift)));
    sum += values[i];
  }
  return sum;
}

void probability_gradients(float* p, float* ds, int count, float log_sum_exp, float mean,
                           float scale) {
  for_each_vector(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto probability = exponential(d, hn::Sub(hn::LoadU(d, p + i), hn::Set(d, log_sum_exp)));
    const auto centered = hn::Sub(hn::LoadU(d, ds + i), hn::Set(d, mean));
    hn::StoreU(probability, d, p + i);
    hn::StoreU(hn::Mul(hn::Mul(probability, centered), hn::Set(d, scale)), d, ds + i);
  });
}

void scale_and_add(float* out, float factor, const float* from, float from_factor, int count) {
  for_each_vector(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto scaled = hn::Mul(hn::LoadU(d, out + i), hn::Set(d, factor));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, from + i), hn::Set(d, from_factor), scaled), d, out + i);
  });
}

// Of up to a vector's rows: how both sides' maximums lie above their common one.
struct Factors {
  float most[kLanes], kept[kLanes], added[kLanes];
};
void find_factors(const float* before, const float* others, Factors& factors) {
  const Tag d;
  const Vector a = hn::LoadU(d, before), b = hn::LoadU(d, others), most = hn::Max(a, b);
  hn::StoreU(most, d, factors.most);
  hn::StoreU(exponential(d, hn::Sub(a, most)), d, factors.kept);
  hn::StoreU(exponential(d, hn::Sub(b, most)), d, factors.added);
}

void merge(const PartialRows& into, const PartialRows& others, const EachStep& rows, int width) {
  for (std::int64_t first = rows.first; first < rows.last; first += kLanes * rows.step) {
    float before[kLanes] = {}, added[kLanes] = {};
    const auto each = [&](auto f) {
      for (int i = 0; i < kLanes && first + i * rows.step < rows.last; ++i) {
        f(i, first + i * rows.step);
      }
    };
    each([&](int i, std::int64_t row) {
      before[i] = into.maximum[row], added[i] = others.maximum[row];
    });
    Factors factors;
    find_factors(before, added, factors);
    each([&](int i, std::int64_t row) {
      if (others.sum[row] == 0) return;  // NaN is not 0
      scale_and_add(into.outputs + row * width, factors.kept[i], others.outputs + row * width,
                    factors.added[i], width);
      into.maximum[row] = factors.most[i];
      into.sum[row] = into.sum[row] * factors.kept[i] + others.sum[row] * factors.added[i];
    });
  }
}

void scale(const float* from, int count, float factor, float* out) {
  for_each_vector(count, [&](auto d, std::int64_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, from + i), hn::Set(d, factor)), d, out + i);
  });
}

void widen(const std::uint16_t* from, int count, const std::uint16_t* soon, float* out) {
  const Tag d;
  fetch_ahead({from, count, 1, soon}, from, count);
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) hn::StoreU(load(from + i), d, out + i);
  for (; i < count; ++i) out[i] = f16_to_float(from[i]);
}

void narrow(const float* from, int count, std::uint16_t* out) {
  int i = 0;
#if HWY_TARGET <= HWY_AVX2  // others lack an instruction, and Highway's substitute truncates
  const Tag d;
  const hn::Rebind<hwy::float16_t, Tag> halves;
  const auto largest = hn::Set(d, kLargestHalf), lowest = hn::Set(d, -kLargestHalf);
  for (; i + kLanes <= count; i += kLanes) {
    const auto x = hn::LoadU(d, from + i);
    const auto bounded = hn::IfThenElse(hn::IsFinite(x), hn::Clamp(x, lowest, largest), x);
    hn::StoreU(hn::DemoteTo(halves, bounded), halves, reinterpret_cast<hwy::float16_t*>(out + i));
  }
#endif
  for (; i < count; ++i) out[i] = float_to_bounded_f16(from[i]);
}

AttentionTiles tiles() {
  return {.rows = kMostRows,
          .dots = dots,
          .scores = scores<float>,
          .scores_half = scores<std::uint16_t>,
          .mix = mix<float>,
          .mix_half = mix<std::uint16_t>,
          .max = max,
          .exp_and_sum = exp_and_sum,
          .probability_gradients = probability_gradients,
          .widen = widen,
          .narrow = narrow,
          .merge = merge,
          .scale = scale};
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {

HWY_EXPORT(tiles);

const AttentionTiles& attention_tiles() {
  static const AttentionTiles instance = HWY_DYNAMIC_DISPATCH(tiles)();
  return instance;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
