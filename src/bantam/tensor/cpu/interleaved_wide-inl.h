// An unpacked tile of an interleaved weight against many rows of x, for the instruction set being
// compiled: each lane is a row of x, and quads of the weight are broadcast.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_INTERLEAVED_WIDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_INTERLEAVED_WIDE_INL_H_
#undef BANTAM_TENSOR_CPU_INTERLEAVED_WIDE_INL_H_
#else
#define BANTAM_TENSOR_CPU_INTERLEAVED_WIDE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "bantam/tensor/cpu/interleaved_narrow-inl.h"
#include "bantam/tensor/cpu/interleaved_tile-inl.h"
#include "bantam/tensor/cpu/rounded_rows.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

// Vectors of rows of x in a wide block, and rows of the weight that meet them at a time: as many
// sums as registers hold. Where one instruction makes a product, more of them hide its latency.
constexpr int kLeastVectors = 2, kMostVectors = HWY_TARGET == HWY_AVX3_DL ? 3 : 2, kWeightRows = 4;
// Units of a tile and a block that meet before the next: they stay in a first-level cache.
constexpr std::int64_t kUnitsAtATime = kLanes == 16 ? 8 : 24;

// Rows and vectors are folded over like rows of a narrow block.

// What a wide block meets in one unit: kWeightRows rows of a tile from one of them on.
struct RowsOfUnit {
  const std::uint8_t* levels;  // row r of quad q at (q * kLanes + r) * 4
  const float *scales, *minimums;
};

// Sums of a wide block of kVectors * kLanes rows with a row of the weight.
template <int kVectors>
struct TotalsOfRow {
  Floats parts[kVectors];
};
template <class Form, int kVectors>
struct SumsOfRow {
  Sums<Form> parts[kVectors];
};
using WeightRows = std::make_integer_sequence<int, kWeightRows>;

// sums += quad kStep of a half of a unit times that quad of x, whose weight is broadcast from `at`.
template <class Form, int kStep, int kVectors, int... kVector>
HWY_INLINE void multiply_row_of_quad(const std::uint8_t* at, const SignedBytes (&x)[kVectors],
                                     std::integer_sequence<int, kVector...>,
                                     SumsOfRow<Form, kVectors>& sums) {
  const auto weight = Sums<Form>::prepare(hn::BitCast(ByteTag(), broadcast_quad(at)));
  (sums.parts[kVector].template add<kStep, kQuadsOfHalf<Form>>(weight, x[kVector]), ...);
}

// The same for all rows: quads of x [8][rows][4].
template <class Form, int kHalf, int kStep, int kVectors, int... kVector, int... kRow>
HWY_INLINE void multiply_wide_quad(const std::uint8_t* levels, const std::int8_t* quads,
                                   std::integer_sequence<int, kVector...> vectors,
                                   std::integer_sequence<int, kRow...>,
                                   SumsOfRow<Form, kVectors> (&sums)[kWeightRows]) {
  const hn::RebindToSigned<ByteTag> d8;
  constexpr int kQ = kHalf * kQuadsOfHalf<Form> + kStep;
  const SignedBytes x[kVectors] = {
      hn::LoadU(d8, quads + (kQ * kVectors + kVector) * 4 * kLanes)...};
  (multiply_row_of_quad<Form, kStep>(levels + (kQ * kLanes + kRow) * 4, x, vectors, sums[kRow]),
   ...);
}

// What a wide block brings to a half of a unit, vector by vector.
template <int kVectors>
struct WideGroup {
  Floats scales[kVectors], sums[kVectors];
};

// totals += the products of a half of a unit with a row of the weight, scaled.
template <class Form, int kVectors, int... kVector>
HWY_INLINE void add_scaled(const SumsOfRow<Form, kVectors>& sums, const WideGroup<kVectors>& x,
                           const float* scale_of_row, const float* minimum_of_row,
                           std::integer_sequence<int, kVector...>, TotalsOfRow<kVectors>& totals) {
  const FloatTag d;
  const Floats scale = hn::Set(d, *scale_of_row);
  ((totals.parts[kVector] = hn::MulAdd(hn::ConvertTo(d, sums.parts[kVector].total()),
                                       hn::Mul(scale, x.scales[kVector]), totals.parts[kVector])),
   ...);
  if constexpr (kMeetsMinimums<Form>) {
    const Floats minimum = hn::Set(d, *minimum_of_row);
    ((totals.parts[kVector] = hn::MulAdd(minimum, x.sums[kVector], totals.parts[kVector])), ...);
  }
}

// totals += products of a half of a unit with a wide block.
template <class Form, int kHalf, int kVectors, int... kVector, int... kRow, int... kSteps>
HWY_INLINE void add_wide_half(const RowsOfUnit& unit, const RoundedRows::Block& x,
                              std::int64_t group, std::integer_sequence<int, kVector...> vectors,
                              std::integer_sequence<int, kRow...> rows,
                              std::integer_sequence<int, kSteps...>,
                              TotalsOfRow<kVectors> (&totals)[kWeightRows]) {
  constexpr int kRows = kVectors * kLanes;
  const FloatTag d;
  const std::int32_t* negative_sums = x.negative_sums + (3 * group + kSumOfHalf<Form, kHalf>)*kRows;
  SumsOfRow<Form, kVectors> first, sums[kWeightRows];
  (first.parts[kVector].start(
       starts<Form>(hn::LoadU(IntegerTag(), negative_sums + kVector * kLanes))),
   ...);
  ((sums[kRow] = first), ...);
  const std::int8_t* quads = x.levels + group * kUnit * kRows;
  (multiply_wide_quad<Form, kHalf, kSteps>(unit.levels, quads, vectors, rows, sums), ...);
  const WideGroup<kVectors> of_x = {{hn::LoadU(d, x.scales + group * kRows + kVector * kLanes)...},
                                    {hn::LoadU(d, x.sums + group * kRows + kVector * kLanes)...}};
  (add_scaled<Form>(sums[kRow], of_x, unit.scales + kHalf * kLanes + kRow, unit.minimums + kRow,
                    vectors, totals[kRow]),
   ...);
}

template <int... kVector>
HWY_INLINE TotalsOfRow<sizeof...(kVector)> load_totals(bool begin, const float (*from)[kLanes],
                                                       std::integer_sequence<int, kVector...>) {
  const FloatTag d;
  return {{(begin ? hn::Zero(d) : hn::LoadU(d, from[kVector]))...}};
}
template <int... kVector>
HWY_INLINE void store_totals(const TotalsOfRow<sizeof...(kVector)>& totals, float (*to)[kLanes],
                             std::integer_sequence<int, kVector...>) {
  (hn::StoreU(totals.parts[kVector], FloatTag(), to[kVector]), ...);
}

// sums [kWeightRows][kVectors][kLanes] += products of units first … last with a wide block, := from
// unit 0 on; `row` is the first of the weight's.
template <class Form, int kVectors, int... kRow>
HWY_INLINE void add_wide_units(const OpenTile<Form>& tile, int row, std::int64_t first,
                               std::int64_t last, const RoundedRows::Block& x,
                               std::integer_sequence<int, kRow...> rows,
                               float (*sums)[kVectors][kLanes]) {
  constexpr std::make_integer_sequence<int, kVectors> vectors;
  constexpr std::make_integer_sequence<int, kQuadsOfHalf<Form>> steps;
  TotalsOfRow<kVectors> totals[kWeightRows] = {load_totals(first == 0, sums[kRow], vectors)...};
  for (std::int64_t group = first; group < last; ++group) {
    const auto unit = tile.unit(group);
    const RowsOfUnit of_rows{unit.levels + 4 * row, unit.scales + row, unit.minimums + row};
    add_wide_half<Form, 0>(of_rows, x, group, vectors, rows, steps, totals);
    if constexpr (Form::kHalves == 2) {
      add_wide_half<Form, 1>(of_rows, x, group, vectors, rows, steps, totals);
    }
  }
  (store_totals(totals[kRow], sums[kRow], vectors), ...);
}

// out := a tile against a wide block.
template <class Form, int kVectors>
HWY_NOINLINE void wide_tile(const OpenTile<Form>& tile, std::int64_t groups,
                            const RoundedRows::Block& x, const OutputOfTile& out) {
  const FloatTag d;
  float sums[kLanes][kVectors][kLanes];
  for (std::int64_t first = 0; first < groups; first += kUnitsAtATime) {
    const std::int64_t last = std::min(first + kUnitsAtATime, groups);
    for (int row = 0; row < kLanes; row += kWeightRows) {
      add_wide_units<Form>(tile, row, first, last, x, WeightRows(), sums + row);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    float by_token[kLanes / kWeightRows][kLanes][kWeightRows];
    for (int row = 0; row < kLanes; row += kWeightRows) {
      const auto of_row = [&](int r) HWY_ATTR { return hn::LoadU(d, sums[row + r][v]); };
      hn::StoreInterleaved4(of_row(0), of_row(1), of_row(2), of_row(3), d,
                            by_token[row / kWeightRows][0]);
    }
    // Rows of the output lie far apart, often in the same few sets of a cache: each is written
    // whole.
    for (int t = 0; t < kLanes; ++t) {
      float* const to = out.row(v * kLanes + t);
      for (int part = 0; part < kLanes / kWeightRows; ++part) {
        std::memcpy(to + part * kWeightRows, by_token[part][t], kWeightRows * sizeof(float));
      }
    }
  }
  add_remainders<Form>(tile, x, out);
}

#endif  // HWY_TARGET != HWY_SCALAR
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
