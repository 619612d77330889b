// Tiles of weight rows against blocks of rows of x; sums of integers stay exact within a unit, then
// its scales turn them to f32.
//
// Few rows of x: each lane of a vector is a row of the weight, whose levels are unpacked in
// registers and met by broadcast quads of x; the weight is read once, which is what decoding waits
// for. Many rows: a tile is unpacked once, each lane is a row of x, and quads of the weight are
// broadcast, which leaves the fewest instructions for a product. Both add the same numbers in the
// same order.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // which has products of bytes
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/interleaved_kernels.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "bantam/tensor/cpu/interleaved_form-inl.h"
#include "bantam/tensor/cpu/interleaved_kernels.h"
#include "bantam/tensor/cpu/quad_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

using SignedBytes = hn::Vec<hn::RebindToSigned<ByteTag>>;
using IntegerTag = hn::RebindToSigned<FloatTag>;
using Integers = hn::Vec<IntegerTag>;

// Vectors of rows of x in a wide block, and rows of the weight that meet them at a time: as many
// sums as registers hold. Where one instruction makes a product, more of them hide its latency.
constexpr int kLeastVectors = 2, kMostVectors = HWY_TARGET == HWY_AVX3_DL ? 3 : 2, kWeightRows = 4;
// Units of a tile and a block that meet before the next: they stay in a first-level cache.
constexpr std::int64_t kUnitsAtATime = 8;

HWY_INLINE SignedBytes broadcast_quad(const void* quad) {
  std::int32_t word;
  std::memcpy(&word, quad, sizeof word);
  return hn::BitCast(hn::RebindToSigned<ByteTag>(),
                     hn::Set(hn::Repartition<std::int32_t, FloatTag>(), word));
}

template <class Form>
using Sums = QuadSums<ByteTag, (1 << Form::kBits) - 1, Form::kSigned>;
template <class Form>
constexpr int kQuadsOfHalf = kQuads / Form::kHalves;
// The minimums are no multiple of the scales, so that they meet sums of x of their own.
template <class Form>
constexpr bool kMeetsMinimums = (Form::kCenter == 0) && Form::kHasMinimum;

// What sums of products start from, of minus the sums of levels of x: the center of the weight's
// levels taken off each.
template <class Form>
HWY_INLINE Integers starts(Integers negative_sums) {
  static_assert((Form::kCenter & (Form::kCenter - 1)) == 0);
  return hn::ShiftLeft<std::countr_zero(static_cast<unsigned>(Form::kCenter))>(negative_sums);
}
// Where the negative sums of a half stand among three.
template <class Form, int kHalf>
constexpr int kSumOfHalf = Form::kHalves == 2 ? kHalf : 2;

// How far ahead of where they are read weights are fetched: few rows of x leave so little to do for
// each byte that the hardware, which looks ahead less, makes them wait for memory. Measured: twice
// as many bytes a second.
constexpr std::int64_t kAheadBytes = 4096, kLineBytes = 64;

// A tile as it lies in memory.
template <class Form>
class PackedTile {
  static constexpr int kHeader = 2 * kLanes * Form::kBlockHalves,
                       kUnitSize = kLanes * (Form::kUnitBytes + 4 * Form::kBits);

 public:
  explicit PackedTile(const std::byte* at) : at_(at) {}

  struct Unit {
    typename Form::Block block;
    const std::byte* at;
    template <int kQ>
    HWY_INLINE Bytes quad() const {
      return levels_for_product<Form, kQ>(reinterpret_cast<const std::uint8_t*>(at) +
                                          kLanes * Form::kUnitBytes);
    }
    HWY_INLINE void fetch_ahead() const {
      constexpr int kSize = kHeader / Form::kUnits + kUnitSize;
      for (std::int64_t i = 0; i < kSize; i += kLineBytes) hwy::Prefetch(at + kAheadBytes + i);
    }
    HWY_INLINE Floats scale(int half) const { return Form::scale(block, at, half); }
    HWY_INLINE Floats minimum(int half) const { return Form::minimum(block, at, half); }
  };
  HWY_INLINE Unit unit(std::int64_t group) const {
    const std::byte* block = at_ + group / Form::kUnits * (kHeader + Form::kUnits * kUnitSize);
    return {Form::open(block), block + kHeader + group % Form::kUnits * kUnitSize};
  }

 private:
  const std::byte* at_;
};

// A tile unpacked: levels [groups][8][kLanes][4], scales and minimums [groups][kHalves][kLanes].
template <class Form>
class OpenTile {
 public:
  explicit OpenTile(std::int64_t groups)
      : groups_(groups),
        levels_(static_cast<std::size_t>(groups * kUnit * kLanes)),
        scales_(static_cast<std::size_t>(groups * Form::kHalves * kLanes)),
        minimums_(kMeetsMinimums<Form> ? scales_.size() : 0) {}

  void open(const PackedTile<Form>& packed) {
    const FloatTag d;
    for (std::int64_t group = 0; group < groups_; ++group) {
      const auto unit = packed.unit(group);
      unit.fetch_ahead();
      store_quads(unit, levels_.data() + group * kUnit * kLanes,
                  std::make_integer_sequence<int, kQuads>());
      for (int half = 0; half < Form::kHalves; ++half) {
        const std::int64_t at = (group * Form::kHalves + half) * kLanes;
        hn::StoreU(unit.scale(half), d, scales_.data() + at);
        if constexpr (kMeetsMinimums<Form>) {
          hn::StoreU(unit.minimum(half), d, minimums_.data() + at);
        }
      }
    }
  }

  struct Unit {
    const std::uint8_t* levels;
    const float* scales;
    const float* minimums;  // where kMeetsMinimums
    template <int kQ>
    HWY_INLINE Bytes quad() const {
      return hn::LoadU(ByteTag(), levels + kQ * 4 * kLanes);
    }
    HWY_INLINE Floats scale(int half) const {
      return hn::LoadU(FloatTag(), scales + half * kLanes);
    }
  };
  HWY_INLINE Unit unit(std::int64_t group) const {
    return {levels_.data() + group * kUnit * kLanes,
            scales_.data() + group * Form::kHalves * kLanes,
            minimums_.data() + group * Form::kHalves * kLanes};
  }

 private:
  template <int... kQ>
  static HWY_INLINE void store_quads(const typename PackedTile<Form>::Unit& unit,
                                     std::uint8_t* levels, std::integer_sequence<int, kQ...>) {
    (hn::StoreU(unit.template quad<kQ>(), ByteTag(), levels + kQ * 4 * kLanes), ...);
  }

  std::int64_t groups_;
  std::vector<std::uint8_t> levels_;
  std::vector<float> scales_, minimums_;
};

// Below, rows of x or of the weight are folded over, not looped over, nor is a lambda called for
// each: sums in an array that a loop indexes or a lambda captures would go through memory.

// sums += quad kStep of a half of a unit (all of it when kHalves is 1) times levels of x
// [kTokens][32].
template <class Form, int kHalf, int kStep, class Unit, int kTokens, int... kToken>
HWY_INLINE void multiply_quad(const Unit& unit, const std::int8_t* x,
                              std::integer_sequence<int, kToken...>, Sums<Form> (&sums)[kTokens]) {
  constexpr int kQ = kHalf * kQuadsOfHalf<Form> + kStep;
  const auto weight = Sums<Form>::prepare(unit.template quad<kQ>());
  (sums[kToken].template add<kStep, kQuadsOfHalf<Form>>(
       weight, broadcast_quad(x + kToken * kUnit + 4 * kQ)),
   ...);
}

// What one group of kTokens rows of x brings to products: arrays as RoundedRows::Block has them.
struct NarrowGroup {
  const std::int8_t* levels;
  const float* scales;
  const std::int32_t* negative_sums;
};

// What the sums of a half of a unit start from; `negative_sums` of the first row of x.
template <class Form, int kHalf, int kTokens>
HWY_INLINE Integers first_sum(const std::int32_t* negative_sums) {
  const IntegerTag d;
  if constexpr (Form::kCenter == 0) return hn::Zero(d);
  return starts<Form>(hn::Set(d, negative_sums[kSumOfHalf<Form, kHalf> * kTokens]));
}

// totals += products of a half of a unit with a group of x.
template <class Form, int kHalf, class Unit, int kTokens, int... kToken, int... kSteps>
HWY_INLINE void add_narrow_half(const Unit& unit, const NarrowGroup& x,
                                std::integer_sequence<int, kToken...> tokens,
                                std::integer_sequence<int, kSteps...>, Floats (&totals)[kTokens]) {
  const FloatTag d;
  Sums<Form> sums[kTokens];
  (sums[kToken].start(first_sum<Form, kHalf, kTokens>(x.negative_sums + kToken)), ...);
  (multiply_quad<Form, kHalf, kSteps>(unit, x.levels, tokens, sums), ...);
  const Floats scale = unit.scale(kHalf);
  ((totals[kToken] = hn::MulAdd(hn::ConvertTo(d, sums[kToken].total()),
                                hn::Mul(scale, hn::Set(d, x.scales[kToken])), totals[kToken])),
   ...);
}

// The same for the whole unit.
template <class Form, class Unit, int kTokens>
HWY_INLINE void add_narrow(const Unit& unit, const NarrowGroup& x, Floats (&totals)[kTokens]) {
  constexpr std::make_integer_sequence<int, kTokens> tokens;
  constexpr std::make_integer_sequence<int, kQuadsOfHalf<Form>> steps;
  add_narrow_half<Form, 0>(unit, x, tokens, steps, totals);
  if constexpr (Form::kHalves == 2) add_narrow_half<Form, 1>(unit, x, tokens, steps, totals);
}

// totals [stride][kLanes] += the second terms of x. They are few and scattered over groups, so they
// are taken one by one.
template <class Form, class Tile>
HWY_NOINLINE void add_remainders(const Tile& tile, const RoundedRows::Block& x, float* totals) {
  const FloatTag d;
  for (const RoundedRows::Remainder& remainder : x.remainders) {
    const auto unit = tile.unit(remainder.group);
    float* at = totals + remainder.row * kLanes;
    Floats total[1] = {hn::LoadU(d, at)};
    add_narrow<Form>(unit, {remainder.levels, &remainder.scale, remainder.negative_sums}, total);
    hn::StoreU(total[0], d, at);
  }
}

// totals += the minimums of a unit times the sums of a group of x.
template <class Form, class Unit, int kTokens, int... kToken>
HWY_INLINE void add_minimums(const Unit& unit, const float* sums,
                             std::integer_sequence<int, kToken...>, Floats (&totals)[kTokens]) {
  static_assert(Form::kHalves == 1);
  const Floats minimum = unit.minimum(0);
  ((totals[kToken] = hn::MulAdd(minimum, hn::Set(FloatTag(), sums[kToken]), totals[kToken])), ...);
}

// out [kTokens][kLanes]: a tile against a narrow block.
template <class Form, int... kToken>
void narrow_tile(const PackedTile<Form>& tile, std::int64_t groups, const RoundedRows::Block& x,
                 std::integer_sequence<int, kToken...> tokens, float* out) {
  constexpr int kTokens = sizeof...(kToken);
  const FloatTag d;
  Floats totals[kTokens];
  ((totals[kToken] = hn::Zero(d)), ...);
  for (std::int64_t group = 0; group < groups; ++group) {
    const auto unit = tile.unit(group);
    unit.fetch_ahead();
    add_narrow<Form>(unit,
                     {x.levels + group * kTokens * kUnit, x.scales + group * kTokens,
                      x.negative_sums + 3 * group * kTokens},
                     totals);
    if constexpr (kMeetsMinimums<Form>) {
      add_minimums<Form>(unit, x.sums + group * kTokens, tokens, totals);
    }
  }
  (hn::StoreU(totals[kToken], d, out + kToken * kLanes), ...);
  add_remainders<Form>(tile, x, out);
}

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

template <class Form, int kHalf>
HWY_INLINE Integers first_sums(const std::int32_t* negative_sums) {
  const IntegerTag d;
  if constexpr (Form::kCenter == 0) return hn::Zero(d);
  return starts<Form>(hn::LoadU(d, negative_sums));
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
  (first.parts[kVector].start(first_sums<Form, kHalf>(negative_sums + kVector * kLanes)), ...);
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
HWY_INLINE TotalsOfRow<sizeof...(kVector)> load_totals(const float (*from)[kLanes],
                                                       std::integer_sequence<int, kVector...>) {
  return {{hn::LoadU(FloatTag(), from[kVector])...}};
}
template <int... kVector>
HWY_INLINE void store_totals(const TotalsOfRow<sizeof...(kVector)>& totals, float (*to)[kLanes],
                             std::integer_sequence<int, kVector...>) {
  (hn::StoreU(totals.parts[kVector], FloatTag(), to[kVector]), ...);
}

// sums [kWeightRows][kVectors][kLanes] += products of units first … last with a wide block; `row`
// is the first of the weight's.
template <class Form, int kVectors, int... kRow>
HWY_INLINE void add_wide_units(const OpenTile<Form>& tile, int row, std::int64_t first,
                               std::int64_t last, const RoundedRows::Block& x,
                               std::integer_sequence<int, kRow...> rows,
                               float (*sums)[kVectors][kLanes]) {
  constexpr std::make_integer_sequence<int, kVectors> vectors;
  constexpr std::make_integer_sequence<int, kQuadsOfHalf<Form>> steps;
  TotalsOfRow<kVectors> totals[kWeightRows] = {load_totals(sums[kRow], vectors)...};
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

// out [kVectors * kLanes][kLanes]: a tile against a wide block.
template <class Form, int kVectors>
HWY_NOINLINE void wide_tile(const OpenTile<Form>& tile, std::int64_t groups,
                            const RoundedRows::Block& x, float* out) {
  const FloatTag d;
  float sums[kLanes][kVectors][kLanes] = {};
  for (std::int64_t first = 0; first < groups; first += kUnitsAtATime) {
    const std::int64_t last = std::min(first + kUnitsAtATime, groups);
    for (int row = 0; row < kLanes; row += kWeightRows) {
      add_wide_units<Form>(tile, row, first, last, x, WeightRows(), sums + row);
    }
  }
  for (int row = 0; row < kLanes; row += kWeightRows) {
    for (int v = 0; v < kVectors; ++v) {
      const auto of_row = [&](int r) HWY_ATTR { return hn::LoadU(d, sums[row + r][v]); };
      float by_token[kLanes * kWeightRows];
      hn::StoreInterleaved4(of_row(0), of_row(1), of_row(2), of_row(3), d, by_token);
      for (int t = 0; t < kLanes; ++t) {
        std::memcpy(out + (v * kLanes + t) * kLanes + row, by_token + t * kWeightRows,
                    kWeightRows * sizeof(float));
      }
    }
  }
  add_remainders<Form>(tile, x, out);
}

// The sums of a tile [rows of the block][kLanes] go where its rows of the weight belong in out.
void store_tile(const InterleavedJob& job, std::int64_t index, const RoundedRows::Block& x,
                const float* sums) {
  const FloatTag d;
  const std::int64_t row = index * kLanes;
  float* out = job.out + x.first_row * job.outputs + row;
  if (row + kLanes <= job.outputs) {
    for (int t = 0; t < x.rows; ++t) {
      hn::StoreU(hn::LoadU(d, sums + t * kLanes), d, out + t * job.outputs);
    }
  } else {
    for (int t = 0; t < x.rows; ++t) {
      std::copy_n(sums + t * kLanes, job.outputs - row, out + t * job.outputs);
    }
  }
}

// Multiplies tile `index` by blocks of x; `open` is room for the tile unpacked.
template <class Form>
void tile_of_blocks(const InterleavedJob& job, std::int64_t index,
                    std::span<const RoundedRows::Block> blocks, OpenTile<Form>& open) {
  const PackedTile<Form> tile(job.tiles + index * job.tile_size);
  const std::int64_t groups = job.x.groups();
  if (blocks.front().wide) open.open(tile);
  for (const RoundedRows::Block& x : blocks) {
    float sums[std::max(kMostVectors * kLanes, RoundedRows::kMostNarrow) * kLanes];
    if (x.wide && x.stride == kMostVectors * kLanes) {
      wide_tile<Form, kMostVectors>(open, groups, x, sums);
    } else if (x.wide) {
      wide_tile<Form, kLeastVectors>(open, groups, x, sums);
    } else if (x.rows == 8) {
      narrow_tile(tile, groups, x, std::make_integer_sequence<int, 8>(), sums);
    } else if (x.rows == 4) {
      narrow_tile(tile, groups, x, std::make_integer_sequence<int, 4>(), sums);
    } else if (x.rows == 2) {
      narrow_tile(tile, groups, x, std::make_integer_sequence<int, 2>(), sums);
    } else {
      narrow_tile(tile, groups, x, std::make_integer_sequence<int, 1>(), sums);
    }
    store_tile(job, index, x, sums);
  }
}

template <class Form>
void tiles_of_form(const InterleavedJob& job, std::int64_t first, std::int64_t last) {
  std::span<const RoundedRows::Block> blocks = job.x.blocks();
  const std::int64_t block_bytes = kMostVectors * kLanes * job.x.width();
  // Tiles are opened once for each such lot of blocks: as few lots as can be, and as even.
  const auto count = static_cast<std::int64_t>(blocks.size()),
             most = std::max<std::int64_t>(job.bytes_at_once / block_bytes, 1),
             lots = (count + most - 1) / most;
  const auto at_once = static_cast<std::size_t>((count + lots - 1) / lots);
  OpenTile<Form> open(blocks.front().wide ? job.x.groups() : 0);
  while (!blocks.empty()) {
    const auto some = blocks.first(std::min(at_once, blocks.size()));
    for (std::int64_t index = first; index < last; ++index) {
      tile_of_blocks<Form>(job, index, some, open);
    }
    blocks = blocks.subspan(some.size());
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

InterleavedKernel find(DType dtype) {
  switch (dtype) {
#if HWY_TARGET != HWY_SCALAR
    case DType::q4_0:
      return {kLanes, kMostVectors, tiles_of_form<ScaleForm<4, 8>>};
    case DType::q4_1:
      return {kLanes, kMostVectors, tiles_of_form<MinimumForm<4>>};
    case DType::q5_0:
      return {kLanes, kMostVectors, tiles_of_form<ScaleForm<5, 16>>};
    case DType::q5_1:
      return {kLanes, kMostVectors, tiles_of_form<MinimumForm<5>>};
    case DType::q8_0:
      return {kLanes, kMostVectors, tiles_of_form<Q8_0ProductForm>};
    case DType::q4_k:
      return {kLanes, kMostVectors, tiles_of_form<Q4_KForm>};
    case DType::q6_k:
      return {kLanes, kMostVectors, tiles_of_form<Q6_KForm>};
#endif
    default:
      return {};
  }
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

}  // namespace

InterleavedKernel interleaved_kernel(DType dtype) { return HWY_DYNAMIC_DISPATCH(find)(dtype); }

}  // namespace bantam::cpu
#endif  // HWY_ONCE
