// A tile of an interleaved weight against few rows of x, for the instruction set being compiled:
// each lane is a row of the weight, and quads of x are broadcast.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_INTERLEAVED_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_INTERLEAVED_NARROW_INL_H_
#undef BANTAM_TENSOR_CPU_INTERLEAVED_NARROW_INL_H_
#else
#define BANTAM_TENSOR_CPU_INTERLEAVED_NARROW_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "bantam/tensor/cpu/interleaved_tile-inl.h"
#include "bantam/tensor/cpu/rounded_rows.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

// Rows of x are folded over, not looped over, nor is a lambda called for each: sums in an array
// that a loop indexes or a lambda captures would go through memory.

// What rows of x bring to products with a unit: a group of first terms, or second terms of several
// rows in one group.
template <int kTokens, int kBlocks>  // kTokens: of each block
class FirstTerms {
 public:
  HWY_INLINE FirstTerms(std::span<const RoundedRows::Block> blocks, std::int64_t group) {
    for (int b = 0; b < kBlocks; ++b) {
      const RoundedRows::Block& x = blocks[static_cast<std::size_t>(b)];
      of_blocks_[b] = {x.levels + group * kTokens * kUnit, x.scales + group * kTokens,
                       x.sums + group * kTokens, x.negative_sums + 3 * group * kTokens};
    }
  }
  HWY_INLINE const std::int8_t* of(int token) const {
    return of_blocks_[token / kTokens].levels + token % kTokens * kUnit;
  }
  HWY_INLINE float scale(int token) const {
    return of_blocks_[token / kTokens].scales[token % kTokens];
  }
  HWY_INLINE float sum(int token) const {
    return of_blocks_[token / kTokens].sums[token % kTokens];
  }
  HWY_INLINE std::int32_t negative_sum(int part, int token) const {
    return of_blocks_[token / kTokens].negative_sums[part * kTokens + token % kTokens];
  }

 private:
  struct OfBlock {  // arrays as RoundedRows::Block has them
    const std::int8_t* levels;
    const float *scales, *sums;
    const std::int32_t* negative_sums;
  } of_blocks_[kBlocks];
};
struct SecondTerms {
  const RoundedRows::Remainder* terms;

  HWY_INLINE const std::int8_t* of(int token) const { return terms[token].levels; }
  HWY_INLINE float scale(int token) const { return terms[token].scale; }
  HWY_INLINE std::int32_t negative_sum(int part, int token) const {
    return terms[token].negative_sums[part];
  }
};

// sums += quad kStep of a half of a unit (all of it when kHalves is 1) times levels of x.
template <class Form, int kHalf, int kStep, class Unit, class Terms, int kTokens, int... kToken>
HWY_INLINE void multiply_quad(const Unit& unit, const Terms& x,
                              std::integer_sequence<int, kToken...>, Sums<Form> (&sums)[kTokens]) {
  constexpr int kQ = kHalf * kQuadsOfHalf<Form> + kStep;
  const auto weight = Sums<Form>::prepare(unit.template quad<kQ>());
  (sums[kToken].template add<kStep, kQuadsOfHalf<Form>>(weight,
                                                        broadcast_quad(x.of(kToken) + 4 * kQ)),
   ...);
}

// totals += products of a half of a unit with x.
template <class Form, int kHalf, class Unit, class Terms, int kTokens, int... kToken, int... kSteps>
HWY_INLINE void add_narrow_half(const Unit& unit, const Terms& x,
                                std::integer_sequence<int, kToken...> tokens,
                                std::integer_sequence<int, kSteps...>, Floats (&totals)[kTokens]) {
  const FloatTag d;
  Sums<Form> sums[kTokens];
  const auto negative_sums = [&](int token) HWY_ATTR {
    return hn::Set(IntegerTag(), x.negative_sum(kSumOfHalf<Form, kHalf>, token));
  };
  (sums[kToken].start(starts<Form>(negative_sums(kToken))), ...);
  (multiply_quad<Form, kHalf, kSteps>(unit, x, tokens, sums), ...);
  const Floats scale = unit.scale(kHalf);
  ((totals[kToken] = hn::MulAdd(hn::ConvertTo(d, sums[kToken].total()),
                                hn::Mul(scale, hn::Set(d, x.scale(kToken))), totals[kToken])),
   ...);
}

// The same for the whole unit.
template <class Form, class Unit, class Terms, int kTokens>
HWY_INLINE void add_narrow(const Unit& unit, const Terms& x, Floats (&totals)[kTokens]) {
  constexpr std::make_integer_sequence<int, kTokens> tokens;
  constexpr std::make_integer_sequence<int, kQuadsOfHalf<Form>> steps;
  add_narrow_half<Form, 0>(unit, x, tokens, steps, totals);
  if constexpr (Form::kHalves == 2) add_narrow_half<Form, 1>(unit, x, tokens, steps, totals);
}

// Where the products of a tile with a block go: kLanes of each row of the block.
struct OutputOfTile {
  float* first;
  std::int64_t stride;
  float* row(int token) const { return first + token * stride; }
};

// out += second terms of some rows in one group.
template <class Form, class Tile, int... kToken>
HWY_INLINE void add_second_terms(const Tile& tile, const RoundedRows::Remainder* terms,
                                 std::integer_sequence<int, kToken...>, const OutputOfTile& out) {
  const FloatTag d;
  Floats some[] = {hn::LoadU(d, out.row(terms[kToken].row))...};
  add_narrow<Form>(tile.unit(terms->group), SecondTerms{terms}, some);
  (hn::StoreU(some[kToken], d, out.row(terms[kToken].row)), ...);
}

// out += the second terms of x. They are few and scattered over groups, though outliers of several
// rows often lie in the same one.
template <class Form, class Tile>
HWY_NOINLINE void add_remainders(const Tile& tile, const RoundedRows::Block& x,
                                 const OutputOfTile& out) {
  const std::span<const RoundedRows::Remainder> all = x.remainders;
  for (std::size_t i = 0; i < all.size();) {
    const auto has_group = [&](std::size_t other) { return all[other].group == all[i].group; };
    if (i + 4 <= all.size() && has_group(i + 1) && has_group(i + 2) && has_group(i + 3)) {
      add_second_terms<Form>(tile, &all[i], std::make_integer_sequence<int, 4>(), out);
      i += 4;
    } else {
      add_second_terms<Form>(tile, &all[i], std::make_integer_sequence<int, 1>(), out);
      ++i;
    }
  }
}

// totals += the minimums of a unit times the sums of a group of x.
template <class Form, class Unit, class Terms, int kTokens, int... kToken>
HWY_INLINE void add_minimums(const Unit& unit, const Terms& x,
                             std::integer_sequence<int, kToken...>, Floats (&totals)[kTokens]) {
  static_assert(Form::kHalves == 1);
  const Floats minimum = unit.minimum(0);
  ((totals[kToken] = hn::MulAdd(minimum, hn::Set(FloatTag(), x.sum(kToken)), totals[kToken])), ...);
}

template <class Form, int kTokens, int kBlocks, int... kToken>
HWY_INLINE void narrow_tile(const PackedTile<Form>& tile, std::int64_t groups,
                            std::span<const RoundedRows::Block> blocks,
                            std::integer_sequence<int, kToken...> tokens, const OutputOfTile& out) {
  const FloatTag d;
  Floats totals[kBlocks * kTokens];
  ((totals[kToken] = hn::Zero(d)), ...);
  for (std::int64_t first = 0; first < groups; first += Form::kUnits) {
    const auto block = tile.block(first / Form::kUnits);
    for (std::int64_t i = 0; i < Form::kUnits; ++i) {
      const auto unit = block.unit(i);
      unit.fetch_ahead();
      const FirstTerms<kTokens, kBlocks> of_x(blocks, first + i);
      add_narrow<Form>(unit, of_x, totals);
      if constexpr (kMeetsMinimums<Form>) add_minimums<Form>(unit, of_x, tokens, totals);
    }
  }
  (hn::StoreU(totals[kToken], d, out.row(kToken)), ...);
}

// out := a tile against kBlocks narrow blocks of kTokens rows each.
template <class Form, int kTokens, int kBlocks>
void narrow_tile(const PackedTile<Form>& tile, std::int64_t groups,
                 std::span<const RoundedRows::Block> blocks, const OutputOfTile& out) {
  narrow_tile<Form, kTokens, kBlocks>(tile, groups, blocks,
                                      std::make_integer_sequence<int, kBlocks * kTokens>(), out);
  for (int b = 0; b < kBlocks; ++b) {
    add_remainders<Form>(tile, blocks[static_cast<std::size_t>(b)],
                         {out.row(b * kTokens), out.stride});
  }
}

#endif  // HWY_TARGET != HWY_SCALAR
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
