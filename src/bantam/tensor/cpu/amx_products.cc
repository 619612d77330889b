// Tiles of a weight, of 16 rows each (interleaved_weight.h), are opened to panels (amx_panels.h).
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // the targets of interleaved_kernels.cc; CPUs with AMX have this one
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_products.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/amx_products.h"
#include "bantam/tensor/cpu/amx_round-inl.h"
#include "bantam/tensor/cpu/interleaved_tile-inl.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/row_kernels.h"

#ifndef BANTAM_TENSOR_CPU_AMX_PRODUCTS_ONCE_
#define BANTAM_TENSOR_CPU_AMX_PRODUCTS_ONCE_
namespace bantam::cpu {

// Tiles of an interleaved weight of so many rows.
struct WeightTiles {
  const std::byte* tiles;
  std::int64_t tile_size, rows;
};

using OpenWeight = void (*)(const WeightTiles& weight, const AmxPanel& panel, std::uint16_t* out);

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3_DL
static_assert(kLanes == kAmxRows && kUnit == kAmxDepth);

// Scales and minimums of a half of a unit.
struct HalfOfUnit {
  Floats scale, minimum;
};
template <class Form, class Unit>
HWY_INLINE HalfOfUnit open_half(const Unit& unit, int half) {
  if constexpr (Form::kHasMinimum) return {unit.scale(half), unit.minimum(half)};
  return {unit.scale(half), hn::Zero(FloatTag())};
}

// Element kByte of a quad of each row, as decode.cc gives it: the product is exact.
template <class Form, int kByte>
HWY_INLINE Floats element(Bytes quad, const HalfOfUnit& half) {
  const FloatTag d;
  const IntegerTag d32;
  const hn::RebindToUnsigned<FloatTag> du32;
  const auto top = hn::ShiftLeft<24 - 8 * kByte>(hn::BitCast(du32, quad));
  const auto level = Form::kSigned ? hn::ShiftRight<24>(hn::BitCast(d32, top))
                                   : hn::BitCast(d32, hn::ShiftRight<24>(top));
  return hn::MulAdd(hn::ConvertTo(d, level), half.scale, half.minimum);
}

// Quad kQ of a unit in bf16, where a tile has its two pairs.
template <class Form, int kQ>
HWY_INLINE void open_quad(Bytes quad, const HalfOfUnit (&halves)[2], std::uint16_t* out) {
  const HalfOfUnit& half = halves[kQ / kQuadsOfHalf<Form>];
  std::uint16_t* const to = out + 2 * kQ * kAmxDepth;
  const hn::Full512<std::uint16_t> d16;
  hn::StoreU(to_bf16_pairs(element<Form, 0>(quad, half), element<Form, 1>(quad, half)), d16, to);
  hn::StoreU(to_bf16_pairs(element<Form, 2>(quad, half), element<Form, 3>(quad, half)), d16,
             to + kAmxDepth);
}
template <class Form, class Unit, int... kQ>
HWY_INLINE void open_unit(const Unit& unit, std::integer_sequence<int, kQ...>, std::uint16_t* out) {
  const HalfOfUnit halves[2] = {open_half<Form>(unit, 0), open_half<Form>(unit, Form::kHalves - 1)};
  (open_quad<Form, kQ>(unit.template quad<kQ>(), halves, out), ...);
}

// Groups first … last of a tile in bf16: [groups][16 pairs][16 rows][2].
template <class Form>
HWY_NOINLINE void open_tile(const PackedTile<Form>& tile, std::int64_t first, std::int64_t last,
                            std::uint16_t* out) {
  for (std::int64_t group = first; group < last; ++group, out += kAmxTile) {
    const auto unit = tile.unit(group);
    unit.fetch_ahead();
    open_unit<Form>(unit, std::make_integer_sequence<int, kQuads>(), out);
  }
}

template <class Form>
void open_panel(const WeightTiles& weight, const AmxPanel& panel, std::uint16_t* out) {
  const std::int64_t last = (weight.rows + kLanes - 1) / kLanes - 1;
  for (std::int64_t tile = 2 * panel.first_pair; tile < 2 * panel.last_pair; ++tile) {
    // After an odd number there is room for one more, whose products go nowhere.
    const std::byte* at = weight.tiles + std::min(tile, last) * weight.tile_size;
    open_tile<Form>(PackedTile<Form>(at), panel.begin, panel.end, out);
    out += panel.of_tile();
  }
}

OpenWeight find(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return open_panel<ScaleForm<4, 8>>;
    case DType::q4_1:
      return open_panel<MinimumForm<4>>;
    case DType::q5_0:
      return open_panel<ScaleForm<5, 16>>;
    case DType::q5_1:
      return open_panel<MinimumForm<5>>;
    case DType::q8_0:
      return open_panel<ScaleForm<8, 0>>;
    case DType::q4_k:
      return open_panel<Q4_KForm>;
    case DType::q6_k:
      return open_panel<Q6_KForm>;
    default:
      return nullptr;
  }
}

#else

OpenWeight find(DType) { return nullptr; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

// A weight in the list of all pairs of tiles that threads share.
struct Piece {
  OpenPanel open;
  AmxOutput out;
  std::int64_t first_pair, pairs;
};

}  // namespace

void amx_products(const AmxRows& x, std::span<const InterleavedProduct> products) {
  if (x.rows == 0) return;
  std::vector<Piece> pieces;
  pieces.reserve(products.size());
  std::int64_t pairs = 0;
  for (const auto& [weight, out] : products) {
    const WeightTiles tiles{weight.tiles, weight.tile_size, weight.rows};
    const OpenWeight open = HWY_DYNAMIC_DISPATCH(find)(weight.dtype);
    pieces.push_back({[=](const AmxPanel& panel, std::uint16_t* to) { open(tiles, panel, to); },
                      {out, weight.rows, weight.rows, false},
                      pairs,
                      amx_pairs(weight.rows)});
    pairs += pieces.back().pairs;
  }
  parallel_for(pairs, pairs_of_panel(pairs), [&](std::int64_t begin, std::int64_t end) {
    for (const Piece& piece : pieces) {
      const std::int64_t first = std::max(begin - piece.first_pair, std::int64_t{0}),
                         last = std::min(end - piece.first_pair, piece.pairs);
      if (first < last) multiply_pairs(x, first, last, piece.open, piece.out);
    }
  });
}

PackedRows gated_amx_products(const AmxRows& x, const InterleavedWeight& gate,
                              const InterleavedWeight& up) {
  PackedRows out(x.rows, gate.rows);
  const WeightTiles gates{gate.tiles, gate.tile_size, gate.rows},
      ups{up.tiles, up.tile_size, up.rows};
  const OpenWeight open_gate = HWY_DYNAMIC_DISPATCH(find)(gate.dtype),
                   open_up = HWY_DYNAMIC_DISPATCH(find)(up.dtype);
  const std::int64_t pairs = amx_pairs(gate.rows);
  // A pair of either stands in a panel, and is a group of the next product.
  static_assert(kAmxPair == kAmxDepth);
  const std::int64_t of_either = std::max<std::int64_t>(pairs_of_panel(2 * pairs) / 2, 1);
  parallel_for(pairs, of_either, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t some = last - first, width = some * kAmxPair;
    const OpenPanel open = [&](const AmxPanel& panel, std::uint16_t* tiles) {
      const AmxPanel half{first, last, panel.begin, panel.end};
      open_gate(gates, half, tiles);
      open_up(ups, half, tiles + 2 * some * panel.of_tile());
    };
    multiply_pairs(x, 2 * some, open,
                   [&](std::int64_t row, std::int64_t rows, float* sums, std::int64_t stride) {
                     for (std::int64_t r = 0; r < rows; ++r) {
                       float* const of_row = sums + r * stride;
                       gate_elements(of_row, of_row + width, width, of_row);
                     }
                     out.put({sums, rows, width, stride, true}, row, first);
                   });
  });
  return out;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
