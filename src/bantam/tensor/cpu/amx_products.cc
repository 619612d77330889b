// Some tiles of a weight, of 16 rows each (interleaved_weight.h), are opened to a panel that stays
// in a second-level cache; all rows of x pass by it, 32 at a time, and each 32 meet two tiles at
// once.
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
#include "bantam/tensor/allocator.h"
#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_products.h"
#include "bantam/tensor/cpu/interleaved_tile-inl.h"
#include "bantam/tensor/cpu/interleaved_weight.h"

#ifndef BANTAM_TENSOR_CPU_AMX_PRODUCTS_ONCE_
#define BANTAM_TENSOR_CPU_AMX_PRODUCTS_ONCE_
namespace bantam::cpu {

// Rows of x in bf16: [pairs of blocks of 16 rows][2][groups of 32][16][32], zeros after the last.
struct AmxRows {
  std::int64_t rows, groups;
  std::uint16_t* tiles;

  static constexpr int kPair = 2 * kAmxRows;
  std::int64_t pairs() const { return (rows + kPair - 1) / kPair; }
  std::uint16_t* tile(std::int64_t block, std::int64_t group) const {
    return tiles + (block * groups + group) * kAmxTile;
  }
};

struct AmxJob {
  AmxRows x;
  const std::byte* tiles;
  std::int64_t tile_size, outputs;
  float* out;  // [x.rows, outputs]

  // A panel: so many pairs of tiles at most, and so many groups of them.
  static constexpr std::int64_t kMostPairs = 8, kMostGroups = 64;
};

struct AmxKernels {
  // Rounds rows of one block of x [rows, width].
  void (*round)(const float* x, std::int64_t width, std::int64_t block, const AmxRows& out);
  // Multiplies pairs first … last of tiles.
  void (*pairs)(const AmxJob& job, std::int64_t first, std::int64_t last);
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3_DL
static_assert(kLanes == kAmxRows && kUnit == kAmxDepth);

// Two vectors of floats as bf16, rounded to nearest, the first in the lower half. All CPUs with AMX
// have the instruction; Highway 1.0 has no name for it.
HWY_INLINE Bytes to_bf16(Floats first, Floats second) {
  Bytes out;
  asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(out.raw) : "v"(second.raw), "v"(first.raw));
  return out;
}
// The same, pairs of lanes side by side.
HWY_INLINE Bytes to_bf16_pairs(Floats first, Floats second) {
  alignas(64) static constexpr std::uint16_t kOrder[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return Bytes{_mm512_permutexvar_epi16(_mm512_load_si512(kOrder), to_bf16(first, second).raw)};
}

void round_block(const float* x, std::int64_t width, std::int64_t block, const AmxRows& out) {
  const FloatTag d;
  for (int r = 0; r < kAmxRows; ++r) {
    const std::int64_t row = block * kAmxRows + r;
    const float* from = x + row * width;
    for (std::int64_t group = 0; group < out.groups; ++group, from += kUnit) {
      const Bytes rounded = row < out.rows
                                ? to_bf16(hn::LoadU(d, from), hn::LoadU(d, from + kLanes))
                                : hn::Zero(ByteTag());
      hn::StoreU(rounded, ByteTag(),
                 reinterpret_cast<std::uint8_t*>(out.tile(block, group) + r * kAmxDepth));
    }
  }
}

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
  auto* const to = reinterpret_cast<std::uint8_t*>(out + 2 * kQ * kAmxDepth);
  const auto pairs = [](Floats first, Floats second)
                         HWY_ATTR { return to_bf16_pairs(first, second); };
  hn::StoreU(pairs(element<Form, 0>(quad, half), element<Form, 1>(quad, half)), ByteTag(), to);
  hn::StoreU(pairs(element<Form, 2>(quad, half), element<Form, 3>(quad, half)), ByteTag(),
             to + 2 * kAmxDepth);
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

// Sums of a pair of blocks of x and of tiles go to the output at once, or through memory of their
// own where there are fewer rows or outputs than that.
void multiply_pairs(const AmxThread& amx, const AmxThread::Factors& factors, bool accumulate,
                    const AmxJob& job, std::int64_t row, std::int64_t output) {
  constexpr std::int64_t kPair = AmxRows::kPair;
  const std::int64_t rows = std::min(kPair, job.x.rows - row),
                     outputs = std::min(kPair, job.outputs - output);
  float* const out = job.out + row * job.outputs + output;
  if (rows == kPair && outputs == kPair) {
    amx.multiply(factors, accumulate, out, job.outputs);
    return;
  }
  float whole[kPair * kPair];
  for (std::int64_t r = 0; accumulate && r < rows; ++r) {
    std::copy_n(out + r * job.outputs, outputs, whole + r * kPair);
  }
  amx.multiply(factors, accumulate, whole, kPair);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(whole + r * kPair, outputs, out + r * job.outputs);
  }
}

// Opens groups begin … end of pairs of tiles: [pairs][2][groups], as tiles of the products.
template <class Form>
void open_panel(const AmxJob& job, std::int64_t first, std::int64_t last, std::int64_t begin,
                std::int64_t end, std::uint16_t* panel) {
  const std::int64_t tiles = (job.outputs + kLanes - 1) / kLanes;
  for (std::int64_t tile = 2 * first; tile < 2 * last; ++tile) {
    // An odd number leaves room for one more, whose products go nowhere.
    const std::byte* at = job.tiles + std::min(tile, tiles - 1) * job.tile_size;
    open_tile<Form>(PackedTile<Form>(at), begin, end, panel);
    panel += (end - begin) * kAmxTile;
  }
}

template <class Form>
void pairs_of_form(const AmxJob& job, std::int64_t first, std::int64_t last) {
  const AmxThread amx;
  const std::int64_t groups = job.x.groups,
                     parts = (groups + AmxJob::kMostGroups - 1) / AmxJob::kMostGroups,
                     at_once = (groups + parts - 1) / parts;
  const std::int64_t elements = 2 * (last - first) * at_once * kAmxTile;
  const TensorBlock memory(static_cast<std::size_t>(elements) * sizeof(std::uint16_t));
  auto* const panel = reinterpret_cast<std::uint16_t*>(memory.data());
  for (std::int64_t begin = 0; begin < groups; begin += at_once) {
    const std::int64_t end = std::min(begin + at_once, groups), of_tile = (end - begin) * kAmxTile;
    open_panel<Form>(job, first, last, begin, end, panel);
    for (std::int64_t block = 0; block < 2 * job.x.pairs(); block += 2) {
      for (std::int64_t pair = first; pair < last; ++pair) {
        const std::uint16_t* tiles = panel + 2 * (pair - first) * of_tile;
        const AmxThread::Factors factors{{job.x.tile(block, begin), job.x.tile(block + 1, begin)},
                                         {tiles, tiles + of_tile},
                                         end - begin};
        multiply_pairs(amx, factors, begin > 0, job, block * kAmxRows, pair * AmxRows::kPair);
      }
    }
  }
}

AmxKernels find(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return {round_block, pairs_of_form<ScaleForm<4, 8>>};
    case DType::q4_1:
      return {round_block, pairs_of_form<MinimumForm<4>>};
    case DType::q5_0:
      return {round_block, pairs_of_form<ScaleForm<5, 16>>};
    case DType::q5_1:
      return {round_block, pairs_of_form<MinimumForm<5>>};
    case DType::q8_0:
      return {round_block, pairs_of_form<ScaleForm<8, 0>>};
    case DType::q4_k:
      return {round_block, pairs_of_form<Q4_KForm>};
    case DType::q6_k:
      return {round_block, pairs_of_form<Q6_KForm>};
    default:
      return {};
  }
}

#else

AmxKernels find(DType) { return {}; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

AmxKernels kernels_for(DType dtype) { return HWY_DYNAMIC_DISPATCH(find)(dtype); }

// A weight in the list of all pairs of tiles that threads share.
struct Piece {
  AmxJob job;
  AmxKernels kernels;
  std::int64_t first_pair, pairs;
};

// Pairs of a panel, so that threads get as many panels and these are as large as can be.
std::int64_t pairs_of_panel(std::int64_t pairs) {
  const std::int64_t threads = thread_count(), rounds = (pairs + threads * AmxJob::kMostPairs - 1) /
                                                        (threads * AmxJob::kMostPairs);
  return (pairs + threads * rounds - 1) / (threads * rounds);
}

}  // namespace

void amx_products(const Tensor& x, std::span<const Tensor> weights, std::span<Tensor> outs) {
  if (x.size(0) == 0) return;
  AmxRows rows{x.size(0), x.size(1) / kAmxDepth, nullptr};
  const Tensor memory = Tensor::empty({2 * rows.pairs() * rows.groups, kAmxTile}, DType::bf16);
  rows.tiles = Tensor(memory).data<std::uint16_t>();
  parallel_for(2 * rows.pairs(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      kernels_for(DType::q8_0).round(x.data<float>(), x.size(1), block, rows);
    }
  });

  std::vector<Piece> pieces;
  pieces.reserve(weights.size());
  std::int64_t pairs = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const InterleavedWeight& kept = interleaved(weights[i]);
    const AmxJob job{rows, kept.tiles, kept.tile_size, kept.rows, outs[i].data<float>()};
    pieces.push_back(
        {job, kernels_for(kept.dtype), pairs, (kept.rows + AmxRows::kPair - 1) / AmxRows::kPair});
    pairs += pieces.back().pairs;
  }
  parallel_for(pairs, pairs_of_panel(pairs), [&](std::int64_t begin, std::int64_t end) {
    for (const Piece& piece : pieces) {
      const std::int64_t first = std::max(begin - piece.first_pair, std::int64_t{0}),
                         last = std::min(end - piece.first_pair, piece.pairs);
      if (first < last) piece.kernels.pairs(piece.job, first, last);
    }
  });
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
