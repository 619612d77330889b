// Products in 16-bit integers: dynamic fixed point, as arXiv:1802.00930 trains with.
//
// Rows of a and columns of b are vectors along k. Each group of 64 or 128 elements of one has its
// own scale and becomes 16-bit levels whose length, as a vector, stays below the square root of
// 2^31; then the dot product of any two fits 32 bits (Cauchy-Schwarz), whatever order it is added
// up in. AVX2 multiplies twice as many integers as floats at a time.
//
// Both factors are packed as the inner loop reads them, then tiles of c are formed: for each block
// of k, kRows rows of a against kColumns columns of b in registers, group by group.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/gemm_i16.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "bantam/base/threads.h"
#include "bantam/tensor/allocator.h"
#include "bantam/tensor/cpu/gemm.h"
#include "bantam/tensor/cpu/output_tiles.h"
#include "bantam/tensor/ops/matmul.h"

#ifndef BANTAM_TENSOR_CPU_GEMM_I16_ONCE_
#define BANTAM_TENSOR_CPU_GEMM_I16_ONCE_
namespace bantam::cpu {

// Whole groups of the most of k at a time: a panel of columns then stays in a first-level cache.
inline constexpr std::int64_t kMostDepth = 384;
inline constexpr std::int64_t kLargestGroup = 128;

// Vectors along k: the rows of a, or the columns of b.
struct Vectors {
  const float* data;
  std::int64_t count, length, stride;
  bool contiguous;  // element l of vector v is data[v * stride + l], else data[l * stride + v]
};

// A factor as the inner loop reads it: a panel is some of its vectors, over one block of k.
struct PackedVectors {
  int width;                           // vectors of a panel
  std::int64_t length, depth, panels;  // depth of a block: whole groups
  std::int64_t group;                  // elements of a vector that share a scale
  std::int16_t* levels;                // [blocks][panels][depth / 2][width][2]
  float* scales;                       // [blocks][panels][depth / group][width]

  struct Panel {
    std::int16_t* levels;
    float* scales;
    std::int64_t begin, depth, group;  // along k
  };
  std::int64_t blocks() const { return (length + depth - 1) / depth; }
  Panel panel(std::int64_t block, std::int64_t index) const {
    const std::int64_t at = block * panels + index, begin = block * depth;
    return {levels + at * depth * width, scales + at * (depth / group) * width, begin,
            std::min(depth, length - begin), group};
  }
};

struct I16Kernel {
  int rows = 0, columns = 0;  // of a panel of a and of b; 0: no kernel for this CPU
  void (*pack_rows)(const Vectors&, const PackedVectors::Panel&, std::int64_t panel);
  void (*pack_columns)(const Vectors&, const PackedVectors::Panel&, std::int64_t panel);
  void (*tile)(const PackedVectors& a, const PackedVectors& b, const OutputTile&, float* c,
               std::int64_t c_stride, bool accumulate);
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using ShortTag = hn::Repartition<std::int16_t, FloatTag>;
using Floats = hn::Vec<FloatTag>;
using Ints = hn::Vec<IntTag>;
using Shorts = hn::Vec<ShortTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

// As many sums as leave room in 16 registers for two vectors of b, one of a and a product.
constexpr int kColumns = 2 * kLanes, kRows = 6;

// A group of as many vectors as there are lanes: element l of lane v is at[l * stride + v].
struct LanesOfGroup {
  const float* at;
  std::int64_t stride, depth;
  HWY_INLINE Floats operator[](std::int64_t l) const {
    return hn::LoadU(FloatTag(), at + l * stride);
  }
};

// Of each lane: level = value * multiplier, value = level * scale.
struct Rounding {
  Floats multiplier, scale;
};

HWY_INLINE Rounding rounding_of(Floats squares, Floats largest) {
  // With 0.5 sqrt(kLargestGroup) of rounding, still less than 2^31 when squared.
  constexpr float kLongest = 46330, kLargestLevel = 32767, kLargestMultiplier = 1e37f;
  constexpr float kLengthOfOnes = 11.32f;  // sqrt(kLargestGroup), and a little more
  const FloatTag d;
  // Squares leave the range of f32 long before values do.
  const auto in_range =
      hn::And(hn::Gt(squares, hn::Set(d, 1e-30f)), hn::Lt(squares, hn::Set(d, 1e37f)));
  const Floats length =
      hn::IfThenElse(in_range, hn::Sqrt(squares), hn::Mul(largest, hn::Set(d, kLengthOfOnes)));
  Floats multiplier =
      hn::Min(hn::Div(hn::Set(d, kLongest), length), hn::Div(hn::Set(d, kLargestLevel), largest));
  multiplier = hn::Min(multiplier, hn::Set(d, kLargestMultiplier));
  const Floats scale = hn::Div(hn::Set(d, 1.0f), multiplier);
  const auto is_zero = hn::Eq(largest, hn::Zero(d));
  const auto is_bad = hn::Or(hn::IsNaN(squares), hn::IsInf(largest));
  return {hn::IfThenZeroElse(hn::Or(is_zero, is_bad), multiplier),
          hn::IfThenElse(is_bad, hn::NaN(d), hn::IfThenZeroElse(is_zero, scale))};
}

HWY_INLINE Rounding rounding_of(const LanesOfGroup& x) {
  const FloatTag d;
  Floats squares = hn::Zero(d), more_squares = squares, largest = squares, also_large = squares;
  std::int64_t l = 0;
  for (; l + 2 <= x.depth; l += 2) {  // two chains, since each step waits for its last
    const Floats even = x[l], odd = x[l + 1];
    squares = hn::MulAdd(even, even, squares);
    more_squares = hn::MulAdd(odd, odd, more_squares);
    largest = hn::Max(largest, hn::Abs(even));
    also_large = hn::Max(also_large, hn::Abs(odd));
  }
  if (l < x.depth) {
    squares = hn::MulAdd(x[l], x[l], squares);
    largest = hn::Max(largest, hn::Abs(x[l]));
  }
  return rounding_of(hn::Add(squares, more_squares), hn::Max(largest, also_large));
}

// Writes the first kCount lanes.
template <int kCount, class D>
HWY_INLINE void store_some(hn::Vec<D> values, D d, hn::TFromD<D>* to) {
  if constexpr (kCount >= kLanes) {
    hn::StoreU(values, d, to);
  } else {
    hn::TFromD<D> all[kLanes];
    hn::StoreU(values, d, all);
    std::memcpy(to, all, kCount * sizeof *to);
  }
}

// Pairs of levels of a group, kWidth apart, and scales.
template <int kWidth>
HWY_INLINE void pack_lanes(const LanesOfGroup& x, std::int32_t* pairs, float* scales) {
  const IntTag di;
  const Rounding rounding = rounding_of(x);
  store_some<kWidth>(rounding.scale, FloatTag(), scales);
  // What is not a number becomes some level; its scale is not a number either.
  const auto level = [&](std::int64_t l) {
    return hn::NearestInt(hn::Mul(x[l], rounding.multiplier));
  };
  for (std::int64_t l = 0; l < x.depth; l += 2, pairs += kWidth) {
    const Ints even = hn::And(level(l), hn::Set(di, 0xffff));
    const Ints odd = l + 1 < x.depth ? hn::ShiftLeft<16>(level(l + 1)) : hn::Zero(di);
    store_some<kWidth>(hn::Or(even, odd), di, pairs);
  }
}

// Lanes that the vectors of a panel fill.
template <int kWidth>
constexpr int kFilled = (kWidth + kLanes - 1) / kLanes* kLanes;

// Turns a group of contiguous vectors: out [depth][kFilled], zeros where there are no more vectors.
template <int kWidth>
void turn(const float* from, std::int64_t stride, std::int64_t vectors, std::int64_t depth,
          float* out) {
  const FloatTag d;
  for (int v = 0; v < kFilled<kWidth>; v += 4) {
    const auto row = [&](int i, std::int64_t l) {
      return v + i < vectors ? hn::LoadU(d, from + (v + i) * stride + l) : hn::Zero(d);
    };
    std::int64_t l = 0;
    for (; l + kLanes <= depth; l += kLanes) {
      float fours[4 * kLanes];
      hn::StoreInterleaved4(row(0, l), row(1, l), row(2, l), row(3, l), d, fours);
      for (int i = 0; i < kLanes; ++i) {
        std::memcpy(out + (l + i) * kFilled<kWidth> + v, fours + 4 * i, 4 * sizeof(float));
      }
    }
    for (; l < depth; ++l) {
      for (int i = 0; i < 4; ++i) {
        out[l * kFilled<kWidth> + v + i] = v + i < vectors ? from[(v + i) * stride + l] : 0;
      }
    }
  }
}

// The group of a panel's vectors that begins at `begin` along k, turned or copied into `room`
// [group][kFilled] unless its lanes can be read where it is.
template <int kWidth>
LanesOfGroup lanes_of_group(const Vectors& from, std::int64_t first, std::int64_t begin,
                            std::int64_t depth, float* room) {
  const std::int64_t vectors = std::min<std::int64_t>(kWidth, from.count - first);
  if (from.contiguous) {
    turn<kWidth>(from.data + first * from.stride + begin, from.stride, vectors, depth, room);
  } else {
    const float* at = from.data + begin * from.stride + first;
    if (first + kFilled<kWidth> <= from.count) return {at, from.stride, depth};
    std::fill_n(room, depth * kFilled<kWidth>, 0.0f);
    for (std::int64_t l = 0; l < depth; ++l) {
      std::copy_n(at + l * from.stride, vectors, room + l * kFilled<kWidth>);
    }
  }
  return {room, kFilled<kWidth>, depth};
}

template <int kWidth>
void pack(const Vectors& from, const PackedVectors::Panel& to, std::int64_t panel) {
  float room[kLargestGroup * kFilled<kWidth>];
  for (std::int64_t l = 0; l < to.depth; l += to.group) {
    LanesOfGroup x = lanes_of_group<kWidth>(from, panel * kWidth, to.begin + l,
                                            std::min(to.group, to.depth - l), room);
    auto* pairs = reinterpret_cast<std::int32_t*>(to.levels + l * kWidth);
    float* scales = to.scales + l / to.group * kWidth;
    for (int lane = 0; lane < kWidth; lane += kLanes, x.at += kLanes) {
      pack_lanes<kWidth>(x, pairs + lane, scales + lane);
    }
  }
}

HWY_INLINE Shorts broadcast_pair(const std::int16_t* pair) {
  std::int32_t word;
  std::memcpy(&word, pair, sizeof word);
  return hn::BitCast(ShortTag(), hn::Set(IntTag(), word));
}

// The sums of a row of a: one vector for each of b. Rows are folded over, not looped over: an array
// that is indexed by a loop would stay in memory.
struct RowSums {
  Ints left, right;
};
using RowIndices = std::make_integer_sequence<int, kRows>;

HWY_INLINE Ints add_products(Ints sum, Shorts x, Shorts y) {
  Ints none = hn::Zero(IntTag());  // on x86 all goes into the first sum
  const Ints products = hn::ReorderWidenMulAccumulate(IntTag(), x, y, hn::Zero(IntTag()), none);
  // Left to itself, the compiler regroups the sums, which then do not fit the registers.
  asm("vpaddd %1, %0, %0" : "+x"(sum.raw) : "x"(products.raw));
  return sum;
}

HWY_INLINE RowSums add_products(RowSums sums, Shorts of_row, Shorts left, Shorts right) {
  return {add_products(sums.left, of_row, left), add_products(sums.right, of_row, right)};
}

// sums := a group of a panel of a times that of b.
template <int... kRow>
HWY_INLINE void multiply_group(const std::int16_t* HWY_RESTRICT a,
                               const std::int16_t* HWY_RESTRICT b, std::int64_t pairs,
                               std::integer_sequence<int, kRow...>, RowSums (&sums)[kRows]) {
  const IntTag di;
  const ShortTag d16;
  ((sums[kRow] = RowSums{hn::Zero(di), hn::Zero(di)}), ...);
  for (std::int64_t pair = 0; pair < pairs; ++pair, a += 2 * kRows, b += 2 * kColumns) {
    const Shorts left = hn::LoadU(d16, b), right = hn::LoadU(d16, b + 2 * kLanes);
    ((sums[kRow] = add_products(sums[kRow], broadcast_pair(a + 2 * kRow), left, right)), ...);
  }
}

// A row of c [kColumns] := or += sums times the scales of the row and the columns.
template <bool kAdd>
HWY_INLINE void write_scaled(const RowSums& sums, float of_row, Floats of_left, Floats of_right,
                             float* HWY_RESTRICT c) {
  const FloatTag d;
  const Floats scale = hn::Set(d, of_row);
  const Floats left = hn::Mul(scale, of_left), right = hn::Mul(scale, of_right);
  const Floats left_sum = hn::ConvertTo(d, sums.left), right_sum = hn::ConvertTo(d, sums.right);
  if constexpr (kAdd) {
    hn::StoreU(hn::MulAdd(left_sum, left, hn::LoadU(d, c)), d, c);
    hn::StoreU(hn::MulAdd(right_sum, right, hn::LoadU(d, c + kLanes)), d, c + kLanes);
  } else {
    hn::StoreU(hn::Mul(left_sum, left), d, c);
    hn::StoreU(hn::Mul(right_sum, right), d, c + kLanes);
  }
}

// c [kRows][kColumns] := or += group `group` of a panel of a times that of b.
template <bool kAdd, int... kRow>
HWY_INLINE void write_group(const PackedVectors::Panel& a, const PackedVectors::Panel& b,
                            std::int64_t group, std::integer_sequence<int, kRow...> rows, float* c,
                            std::int64_t c_stride) {
  const FloatTag d;
  const std::int64_t begin = group * a.group, depth = std::min(a.group, a.depth - begin);
  RowSums sums[kRows];
  multiply_group(a.levels + begin * kRows, b.levels + begin * kColumns, (depth + 1) / 2, rows,
                 sums);
  const float *of_rows = a.scales + group * kRows, *of_columns = b.scales + group * kColumns;
  const Floats left = hn::LoadU(d, of_columns), right = hn::LoadU(d, of_columns + kLanes);
  (write_scaled<kAdd>(sums[kRow], of_rows[kRow], left, right, c + kRow * c_stride), ...);
}

// c [kRows][kColumns] := or += a panel of a times a panel of b.
void multiply_panels(const PackedVectors::Panel& a, const PackedVectors::Panel& b, bool add,
                     float* c, std::int64_t c_stride) {
  const RowIndices rows;
  if (!add) write_group<false>(a, b, 0, rows, c, c_stride);
  for (std::int64_t group = add ? 0 : 1; group * a.group < a.depth; ++group) {
    write_group<true>(a, b, group, rows, c, c_stride);
  }
}

// The same for the first rows and columns alone, which is all that c has room for.
void multiply_panels_in_part(const PackedVectors::Panel& a, const PackedVectors::Panel& b, bool add,
                             float* c, std::int64_t c_stride, std::int64_t rows,
                             std::int64_t columns) {
  float whole[kRows * kColumns];
  multiply_panels(a, b, false, whole, kColumns);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < columns; ++j) {
      float& at = c[r * c_stride + j];
      at = add ? at + whole[r * kColumns + j] : whole[r * kColumns + j];
    }
  }
}

// Rows and columns of the tile begin with panels.
void form_tile(const PackedVectors& a, const PackedVectors& b, const OutputTile& tile, float* c,
               std::int64_t c_stride, bool accumulate) {
  for (std::int64_t block = 0; block < a.blocks(); ++block) {
    const bool add = accumulate || block > 0;
    for (std::int64_t j = 0; j < tile.columns; j += kColumns) {
      const auto b_panel = b.panel(block, (tile.column + j) / kColumns);
      const std::int64_t columns = std::min<std::int64_t>(kColumns, tile.columns - j);
      for (std::int64_t i = 0; i < tile.rows; i += kRows) {
        const auto a_panel = a.panel(block, (tile.row + i) / kRows);
        const std::int64_t rows = std::min<std::int64_t>(kRows, tile.rows - i);
        float* at = c + (tile.row + i) * c_stride + tile.column + j;
        if (rows == kRows && columns == kColumns) {
          multiply_panels(a_panel, b_panel, add, at, c_stride);
        } else {
          multiply_panels_in_part(a_panel, b_panel, add, at, c_stride, rows, columns);
        }
      }
    }
  }
}

I16Kernel find() { return {kRows, kColumns, pack<kRows>, pack<kColumns>, form_tile}; }

#else

I16Kernel find() { return {}; }

#endif

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

const I16Kernel& kernel() {
  static const I16Kernel found = HWY_DYNAMIC_DISPATCH(find)();
  return found;
}

// Room for a factor in both arrays; what packs it knows nothing of tensors.
class Packed {
 public:
  Packed(std::int64_t count, std::int64_t length, std::int64_t group, int width) {
    const std::int64_t blocks = (length + kMostDepth - 1) / kMostDepth;
    const std::int64_t depth = ((length + blocks - 1) / blocks + group - 1) / group * group;
    const std::int64_t panels = (count + width - 1) / width;
    levels_ = allocate_tensor_memory(static_cast<std::size_t>(blocks * panels * depth * width) *
                                     sizeof(std::int16_t));
    scales_ = allocate_tensor_memory(
        static_cast<std::size_t>(blocks * panels * depth / group * width) * sizeof(float));
    view_ = {width,
             length,
             depth,
             panels,
             group,
             reinterpret_cast<std::int16_t*>(levels_.get()),
             reinterpret_cast<float*>(scales_.get())};
  }
  const PackedVectors& view() const { return view_; }

 private:
  std::shared_ptr<std::byte> levels_, scales_;
  PackedVectors view_;
};

void pack_panel(decltype(I16Kernel::pack_rows) pack, const Vectors& from, const PackedVectors& to,
                std::int64_t index) {
  const std::int64_t panel = index % to.panels;
  pack(from, to.panel(index / to.panels, panel), panel);
}

void pack_all(const Vectors& a, const PackedVectors& packed_a, const Vectors& b,
              const PackedVectors& packed_b) {
  constexpr std::int64_t kPanelsAtOnce = 8;
  const std::int64_t of_a = packed_a.blocks() * packed_a.panels;
  parallel_for(of_a + packed_b.blocks() * packed_b.panels, kPanelsAtOnce,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   if (i < of_a) {
                     pack_panel(kernel().pack_rows, a, packed_a, i);
                   } else {
                     pack_panel(kernel().pack_columns, b, packed_b, i - of_a);
                   }
                 }
               });
}

}  // namespace

void gemm_i16(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
              std::int64_t c_stride, bool accumulate, I16Group group) {
  if (is_empty_product(m, n, k, c, c_stride, accumulate)) return;
  const auto size = static_cast<std::int64_t>(group);
  const Packed packed_a(m, k, size, kernel().rows), packed_b(n, k, size, kernel().columns);
  pack_all({a.data, m, k, a.stride, !a.transposed}, packed_a.view(),
           {b.data, n, k, b.stride, b.transposed}, packed_b.view());
  for_each_tile(m, kernel().rows, n, kernel().columns, [&](const OutputTile& tile) {
    kernel().tile(packed_a.view(), packed_b.view(), tile, c, c_stride, accumulate);
  });
}

}  // namespace bantam::cpu

namespace bantam {

bool cpu_multiplies_i16() { return cpu::kernel().rows > 0; }

}  // namespace bantam
#endif  // HWY_ONCE
