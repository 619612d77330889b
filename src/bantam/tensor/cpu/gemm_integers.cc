// Products in integers of 16 or 8 bits: dynamic fixed point, as arXiv:1802.00930 trains with.
//
// Rows of a and columns of b are vectors along k. Each group of 32 to 128 elements of one has its
// own scale and becomes levels. Those of 16 bits have, as a vector, a length below the square root
// of 2^31; then the dot product of any two fits 32 bits (Cauchy-Schwarz), whatever order it is
// added up in. AVX2 multiplies twice as many 16-bit integers as floats at a time, and so does
// AVX-512 with VNNI, which multiplies twice as many bytes again. AVX2 takes five instructions for 64
// products of bytes instead of eight, if four fit 16 bits: its bytes are levels of 7 bits.
//
// Both factors are packed as the inner loop reads them, then tiles of c are formed: for each block
// of k, kRowsAtOnce rows of a against kColumns columns of b in registers, group by group.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // which adds products of 16-bit integers up in one instruction
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/gemm_integers.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/allocator.h"
#include "bantam/tensor/cpu/gemm.h"
#include "bantam/tensor/cpu/output_tiles.h"
#include "bantam/tensor/cpu/pack_levels-inl.h"
#include "bantam/tensor/cpu/packed_levels.h"
#include "bantam/tensor/ops/matmul.h"

#ifndef BANTAM_TENSOR_CPU_GEMM_INTEGERS_ONCE_
#define BANTAM_TENSOR_CPU_GEMM_INTEGERS_ONCE_
namespace bantam::cpu {

struct IntegerKernel {
  int rows = 0, columns = 0;  // of a panel of a and of b; 0: no kernel for this CPU
  int in_word = 0;            // levels of 32 bits
  I8Rounding bytes = {};      // how levels of 8 bits are rounded
  using Pack = void (*)(const Vectors&, const PackedVectors&, std::int64_t block,
                        std::int64_t first_panel, std::int64_t last_panel);
  Pack pack_rows, pack_columns;
  void (*tile)(const PackedVectors& a, const PackedVectors& b, const OutputTile&, float* c,
               std::int64_t c_stride, bool accumulate);
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if BANTAM_MULTIPLIES_I16

constexpr int kColumns = 2 * kLanes;

// Words of a row that are multiplied before the next row: what AVX2 adds up in 16 bits.
template <class Level>
constexpr int kWordsAtOnce = HWY_TARGET == HWY_AVX2 && sizeof(Level) == 1 ? 2 : 1;

// Rows that meet two vectors of b at a time: as many as leave room for their sums, for what is read
// of b and a, and for a product, in 16 registers; with AVX-512 in 32.
template <class Level>
constexpr int kRowsAtOnce = kLanes == 16 ? 12 : 8 - 2 * kWordsAtOnce<Level>;
// Rows of a panel of a: packing fills vectors with them.
template <class Level>
constexpr int kRows = kWordsAtOnce<Level> == 2 ? kLanes : kRowsAtOnce<Level>;

using ByteSums = QuadSums<ByteTag, kLargestByte + kMovedUp, false, kLargestByte>;
template <class Level>
using Sums = std::conditional_t<sizeof(Level) == 2, Ints, ByteSums>;

// The sums of a row of a: one vector for each of b. Rows and words are folded over, not looped
// over: an array that is indexed by a loop would stay in memory.
template <class Level>
struct RowSums {
  Sums<Level> left, right;
};
template <class Level>
using RowIndices = std::make_integer_sequence<int, kRowsAtOnce<Level>>;
template <class Level>
using WordIndices = std::make_integer_sequence<int, kWordsAtOnce<Level>>;

// sum += the products of the levels in each word of x, a row's, with those in the word of y.
template <int kStep, int kSteps>
HWY_INLINE void add_products(Ints& sum, Ints x, Ints y) {
  sum = add_pair_products(sum, x, y);
}
template <int kStep, int kSteps>
HWY_INLINE void add_products(ByteSums& sum, Ints x, Ints y) {
  sum.template add<kStep, kSteps>(ByteSums::prepare(hn::BitCast(ByteTag(), x)),
                                  hn::BitCast(SignedByteTag(), y));
}

// What the sums of a group of a panel of b begin with.
template <class Level>
HWY_INLINE RowSums<Level> first_sums(const PackedVectors::Panel& b, std::int64_t group) {
  const IntTag d;
  if constexpr (sizeof(Level) == 2) {
    return {hn::Zero(d), hn::Zero(d)};
  } else {
    const std::int32_t* corrections = b.corrections + group * kColumns;
    RowSums<Level> sums;
    sums.left.start(hn::LoadU(d, corrections));
    sums.right.start(hn::LoadU(d, corrections + kLanes));
    return sums;
  }
}

HWY_INLINE Floats total(Ints sum) { return hn::ConvertTo(FloatTag(), sum); }
HWY_INLINE Floats total(const ByteSums& sum) { return total(sum.total()); }

// Words of two vectors of b.
template <int kWords>
struct WordsOfColumns {
  Ints left[kWords], right[kWords];
};

// sums of a row += words of that row times those of the columns.
template <class Level, int... kWord>
HWY_INLINE void multiply_row(const std::int32_t* HWY_RESTRICT row,
                             const WordsOfColumns<sizeof...(kWord)>& columns,
                             std::integer_sequence<int, kWord...>, RowSums<Level>& sums) {
  constexpr int kWords = sizeof...(kWord);
  const Ints words[] = {hn::Set(IntTag(), row[kWord * kRows<Level>])...};
  (add_products<kWord, kWords>(sums.left, words[kWord], columns.left[kWord]), ...);
  (add_products<kWord, kWords>(sums.right, words[kWord], columns.right[kWord]), ...);
}

// sums += words of rows of a panel of a times those of b.
template <class Level, int... kWord, int... kRow>
HWY_INLINE void multiply_words(const std::int32_t* HWY_RESTRICT a,
                               const std::int32_t* HWY_RESTRICT b,
                               std::integer_sequence<int, kWord...> words,
                               std::integer_sequence<int, kRow...>,
                               RowSums<Level> (&sums)[kRowsAtOnce<Level>]) {
  const IntTag d;
  const WordsOfColumns<sizeof...(kWord)> columns = {
      {hn::LoadU(d, b + kWord * kColumns)...}, {hn::LoadU(d, b + kWord * kColumns + kLanes)...}};
  (multiply_row<Level>(a + kRow, columns, words, sums[kRow]), ...);
}

// sums += a group of rows of a panel of a times that of b.
template <class Level>
HWY_INLINE void multiply_group(const std::int32_t* HWY_RESTRICT a,
                               const std::int32_t* HWY_RESTRICT b, std::int64_t words,
                               RowSums<Level> (&sums)[kRowsAtOnce<Level>]) {
  constexpr int kWords = kWordsAtOnce<Level>;
  for (; words >= kWords; words -= kWords, a += kWords * kRows<Level>, b += kWords * kColumns) {
    multiply_words<Level>(a, b, WordIndices<Level>(), RowIndices<Level>(), sums);
  }
  if (kWords > 1 && words > 0) {
    multiply_words<Level>(a, b, std::integer_sequence<int, 0>(), RowIndices<Level>(), sums);
  }
}

// A row of c [kColumns] := or += sums times the scales of the row and the columns.
template <class Level, bool kAdd>
HWY_INLINE void write_scaled(const RowSums<Level>& sums, float of_row, Floats of_left,
                             Floats of_right, float* HWY_RESTRICT c) {
  const FloatTag d;
  const Floats scale = hn::Set(d, of_row);
  const Floats left = hn::Mul(scale, of_left), right = hn::Mul(scale, of_right);
  const Floats left_sum = total(sums.left), right_sum = total(sums.right);
  if constexpr (kAdd) {
    hn::StoreU(hn::MulAdd(left_sum, left, hn::LoadU(d, c)), d, c);
    hn::StoreU(hn::MulAdd(right_sum, right, hn::LoadU(d, c + kLanes)), d, c + kLanes);
  } else {
    hn::StoreU(hn::Mul(left_sum, left), d, c);
    hn::StoreU(hn::Mul(right_sum, right), d, c + kLanes);
  }
}

// c [kRowsAtOnce][kColumns] := or += group `group` of rows of a panel of a, from `row` on, times
// that of b.
template <class Level, bool kAdd, int... kRow>
HWY_INLINE void write_group(const PackedVectors::Panel& a, int row, const PackedVectors::Panel& b,
                            std::int64_t group, std::integer_sequence<int, kRow...>, float* c,
                            std::int64_t c_stride) {
  const FloatTag d;
  const std::int64_t begin = group * a.group, depth = std::min(a.group, a.depth - begin);
  constexpr std::int64_t kCount = kInWord<Level>;
  const RowSums<Level> first = first_sums<Level>(b, group);
  RowSums<Level> sums[kRowsAtOnce<Level>];
  ((sums[kRow] = first), ...);
  multiply_group<Level>(a.words + begin / kCount * kRows<Level> + row,
                        b.words + begin / kCount * kColumns, (depth + kCount - 1) / kCount, sums);
  const float *of_rows = a.scales + group * kRows<Level> + row,
              *of_columns = b.scales + group * kColumns;
  const Floats left = hn::LoadU(d, of_columns), right = hn::LoadU(d, of_columns + kLanes);
  (write_scaled<Level, kAdd>(sums[kRow], of_rows[kRow], left, right, c + kRow * c_stride), ...);
}

// c [kRows][kColumns] := or += a panel of a times a panel of b.
template <class Level>
void multiply_panels(const PackedVectors::Panel& a, const PackedVectors::Panel& b, bool add,
                     float* c, std::int64_t c_stride) {
  constexpr RowIndices<Level> rows;
  for (int row = 0; row < kRows<Level>;
       row += kRowsAtOnce<Level>, c += kRowsAtOnce<Level> * c_stride) {
    if (!add) write_group<Level, false>(a, row, b, 0, rows, c, c_stride);
    for (std::int64_t group = add ? 0 : 1; group * a.group < a.depth; ++group) {
      write_group<Level, true>(a, row, b, group, rows, c, c_stride);
    }
  }
}

// The same for the first rows and columns alone, which is all that c has room for.
template <class Level>
void multiply_panels_in_part(const PackedVectors::Panel& a, const PackedVectors::Panel& b, bool add,
                             float* c, std::int64_t c_stride, std::int64_t rows,
                             std::int64_t columns) {
  float whole[kRows<Level> * kColumns];
  multiply_panels<Level>(a, b, false, whole, kColumns);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < columns; ++j) {
      float& at = c[r * c_stride + j];
      at = add ? at + whole[r * kColumns + j] : whole[r * kColumns + j];
    }
  }
}

// Rows and columns of the tile begin with panels.
template <class Level>
void form_tile(const PackedVectors& a, const PackedVectors& b, const OutputTile& tile, float* c,
               std::int64_t c_stride, bool accumulate) {
  for (std::int64_t block = 0; block < a.blocks(); ++block) {
    const bool add = accumulate || block > 0;
    for (std::int64_t j = 0; j < tile.columns; j += kColumns) {
      const auto b_panel = b.panel(block, (tile.column + j) / kColumns);
      const std::int64_t columns = std::min<std::int64_t>(kColumns, tile.columns - j);
      for (std::int64_t i = 0; i < tile.rows; i += kRows<Level>) {
        const auto a_panel = a.panel(block, (tile.row + i) / kRows<Level>);
        const std::int64_t rows = std::min<std::int64_t>(kRows<Level>, tile.rows - i);
        float* at = c + (tile.row + i) * c_stride + tile.column + j;
        if (rows == kRows<Level> && columns == kColumns) {
          multiply_panels<Level>(a_panel, b_panel, add, at, c_stride);
        } else {
          multiply_panels_in_part<Level>(a_panel, b_panel, add, at, c_stride, rows, columns);
        }
      }
    }
  }
}

template <class Level>
IntegerKernel kernel_of() {
  return {kRows<Level>,
          kColumns,
          kInWord<Level>,
          {kLargestByte, kByteGroup},
          pack<Level, kRows<Level>, true>,
          pack<Level, kColumns, false>,
          form_tile<Level>};
}

#endif

IntegerKernel find_i16() {
#if BANTAM_MULTIPLIES_I16
  return kernel_of<std::int16_t>();
#else
  return {};
#endif
}

IntegerKernel find_i8() {
#if BANTAM_MULTIPLIES_I16
  return kernel_of<std::int8_t>();
#else
  return {};
#endif
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find_i16);
HWY_EXPORT(find_i8);

const IntegerKernel& kernel_i16() {
  static const IntegerKernel found = HWY_DYNAMIC_DISPATCH(find_i16)();
  return found;
}
const IntegerKernel& kernel_i8() {
  static const IntegerKernel found = HWY_DYNAMIC_DISPATCH(find_i8)();
  return found;
}

// Room for a factor in all its arrays; what packs it knows nothing of tensors.
class Packed {
 public:
  Packed(const Vectors& from, std::int64_t group, int width, int in_word, bool is_corrected) {
    const std::int64_t most = kMostDepthBytes * in_word / 4;
    const std::int64_t blocks = (from.length + most - 1) / most;
    const std::int64_t depth = ((from.length + blocks - 1) / blocks + group - 1) / group * group;
    const std::int64_t panels = (from.count + width - 1) / width;
    const auto room = [&](std::int64_t for_each_panel) {
      memory_.push_back(
          allocate_tensor_memory(static_cast<std::size_t>(blocks * panels * for_each_panel) * 4));
      return memory_.back().get();
    };
    view_ = {.width = width,
             .in_word = in_word,
             .length = from.length,
             .depth = depth,
             .panels = panels,
             .group = group,
             .words = reinterpret_cast<std::int32_t*>(room(depth / in_word * width)),
             .scales = reinterpret_cast<float*>(room(depth / group * width)),
             .corrections = is_corrected
                                ? reinterpret_cast<std::int32_t*>(room(depth / group * width))
                                : nullptr};
  }
  const PackedVectors& view() const { return view_; }

 private:
  std::vector<std::shared_ptr<std::byte>> memory_;
  PackedVectors view_;
};

void pack_all(const IntegerKernel& kernel, const Vectors& a, const PackedVectors& packed_a,
              const Vectors& b, const PackedVectors& packed_b) {
  constexpr std::int64_t kPanelsAtOnce = 8;
  const auto chunks_of = [](const PackedVectors& packed) {
    return (packed.panels + kPanelsAtOnce - 1) / kPanelsAtOnce;
  };
  const auto pack = [&](IntegerKernel::Pack pack, const Vectors& from, const PackedVectors& to,
                        std::int64_t chunk) {
    const std::int64_t first = chunk % chunks_of(to) * kPanelsAtOnce;
    pack(from, to, chunk / chunks_of(to), first, std::min(first + kPanelsAtOnce, to.panels));
  };
  const std::int64_t of_a = packed_a.blocks() * chunks_of(packed_a);
  const std::int64_t of_b = packed_b.blocks() * chunks_of(packed_b);
  parallel_for(of_a + of_b, 1, [&](std::int64_t chunk, std::int64_t) {
    if (chunk < of_a) {
      pack(kernel.pack_rows, a, packed_a, chunk);
    } else {
      pack(kernel.pack_columns, b, packed_b, chunk - of_a);
    }
  });
}

void multiply_integers(const IntegerKernel& kernel, std::int64_t group, const Vectors& a,
                       const Vectors& b, float* c, std::int64_t c_stride, bool accumulate) {
  const Packed packed_a(a, group, kernel.rows, kernel.in_word, false);
  const Packed packed_b(b, group, kernel.columns, kernel.in_word, kernel.in_word == 4);
  pack_all(kernel, a, packed_a.view(), b, packed_b.view());
  for_each_tile(a.count, kernel.rows, b.count, kernel.columns, [&](const OutputTile& tile) {
    kernel.tile(packed_a.view(), packed_b.view(), tile, c, c_stride, accumulate);
  });
}

}  // namespace

void gemm_i16(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
              std::int64_t c_stride, bool accumulate, I16Group group) {
  if (is_empty_product(m, n, k, c, c_stride, accumulate)) return;
  multiply_integers(kernel_i16(), static_cast<std::int64_t>(group),
                    {a.data, m, k, a.stride, !a.transposed}, {b.data, n, k, b.stride, b.transposed},
                    c, c_stride, accumulate);
}

I8Rounding i8_rounding() { return kernel_i8().bytes; }

void gemm_i8(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, float* c,
             std::int64_t c_stride, bool accumulate) {
  if (is_empty_product(m, n, k, c, c_stride, accumulate)) return;
  multiply_integers(kernel_i8(), kernel_i8().bytes.group, {a.data, m, k, a.stride, !a.transposed},
                    {b.data, n, k, b.stride, b.transposed}, c, c_stride, accumulate);
}

}  // namespace bantam::cpu

namespace bantam {

bool cpu_multiplies_integers() { return cpu::kernel_i16().rows > 0; }

}  // namespace bantam
#endif  // HWY_ONCE
