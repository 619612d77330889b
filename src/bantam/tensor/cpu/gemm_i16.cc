// Products in 16-bit integers: dynamic fixed point, as arXiv:1802.00930 trains with.
//
// Rows of a and columns of b are vectors along k. Each group of 64 or 128 elements of one has its
// own scale and becomes 16-bit levels whose length, as a vector, stays below the square root of
// 2^31; then the dot product of any two fits 32 bits (Cauchy-Schwarz), whatever order it is added
// up in. AVX2 multiplies twice as many integers as floats at a time, and so does AVX-512 with VNNI.
//
// Both factors are packed as the inner loop reads them, then tiles of c are formed: for each block
// of k, kRows rows of a against kColumns columns of b in registers, group by group.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // which adds products of 16-bit integers up in one instruction
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
#include "bantam/tensor/cpu/pack_i16-inl.h"
#include "bantam/tensor/cpu/packed_i16.h"
#include "bantam/tensor/ops/matmul.h"

#ifndef BANTAM_TENSOR_CPU_GEMM_I16_ONCE_
#define BANTAM_TENSOR_CPU_GEMM_I16_ONCE_
namespace bantam::cpu {

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

#if BANTAM_HAS_I16_PACKING

// As many sums as leave room in 16 registers for two vectors of b, one of a and a product; with
// AVX-512 in 32.
constexpr int kColumns = 2 * kLanes, kRows = kLanes == 8 ? 6 : 12;

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
#if HWY_TARGET == HWY_AVX3_DL
  // Highway 1.0 does not let the compiler use this instruction, which all AVX3_DL CPUs have.
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(y.raw));
  return sum;
#else
  Ints none = hn::Zero(IntTag());  // on x86 all goes into the first sum
  const Ints products = hn::ReorderWidenMulAccumulate(IntTag(), x, y, hn::Zero(IntTag()), none);
  // Left to itself, the compiler regroups the sums, which then do not fit the registers.
  asm("vpaddd %1, %0, %0" : "+v"(sum.raw) : "v"(products.raw));
  return sum;
#endif
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
