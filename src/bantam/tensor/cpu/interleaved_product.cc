// One tile of weight rows against a few rows of x: levels are unpacked in registers and met by
// broadcast quads of x; sums of integers stay exact within a unit, then its scales turn them to
// f32.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // which has products of bytes
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/interleaved_product.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/quad_dot-inl.h"

#ifndef BANTAM_TENSOR_CPU_INTERLEAVED_PRODUCT_ONCE_
#define BANTAM_TENSOR_CPU_INTERLEAVED_PRODUCT_ONCE_
namespace bantam::cpu {

struct InterleavedJob {
  const RoundedRows& x;
  const std::byte* tiles;
  std::int64_t tile_size, outputs;
  float* out;  // [x.rows(), outputs]
};

// lanes 0: no kernel for the type on this CPU.
struct InterleavedKernel {
  int lanes = 0;
  void (*tiles)(const InterleavedJob&, std::int64_t first, std::int64_t last) = nullptr;
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

using FloatTag = hn::ScalableTag<float>;
using ByteTag = hn::Repartition<std::uint8_t, FloatTag>;
using ShortTag = hn::Repartition<std::uint16_t, FloatTag>;
using Floats = hn::Vec<FloatTag>;
using Bytes = hn::Vec<ByteTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kUnit = RoundedRows::kGroup, kQuads = kUnit / 4;

HWY_INLINE Floats halves_at(const std::byte* bytes) {
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  return hn::PromoteTo(FloatTag(), hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(bytes)));
}
template <class Byte>
HWY_INLINE Floats bytes_at(const std::byte* bytes) {
  const hn::RebindToSigned<FloatTag> d32;
  const hn::Rebind<Byte, FloatTag> d8;
  return hn::ConvertTo(FloatTag(),
                       hn::PromoteTo(d32, hn::LoadU(d8, reinterpret_cast<const Byte*>(bytes))));
}

// Bits move by kUp (down when negative) within pairs of bytes; a mask then drops what came from the
// neighbour.
template <int kUp>
HWY_INLINE Bytes moved(Bytes bytes, std::uint8_t mask) {
  const ByteTag d;
  const auto pairs = hn::BitCast(ShortTag(), bytes);
  if constexpr (kUp >= 0) {
    return hn::And(hn::BitCast(d, hn::ShiftLeft<kUp>(pairs)), hn::Set(d, mask));
  } else {
    return hn::And(hn::BitCast(d, hn::ShiftRight<-kUp>(pairs)), hn::Set(d, mask));
  }
}

// Quad kQ of a unit whose planes start at `planes`.
template <int kBits, int kQ>
HWY_INLINE Bytes levels_of_quad(const std::uint8_t* planes) {
  const ByteTag d;
  constexpr int kVector = 4 * kLanes;
  if constexpr (kBits == 8) {
    return hn::LoadU(d, planes + kQ * kVector);
  } else {
    const Bytes low = moved < kQ % 2 == 0 ? 0 : -4 > (hn::LoadU(d, planes + kQ / 2 * kVector), 15);
    if constexpr (kBits == 4) return low;
    if constexpr (kBits == 5) {
      return hn::Or(low, moved<4 - kQ>(hn::LoadU(d, planes + 4 * kVector), 16));
    }
    if constexpr (kBits == 6) {
      const Bytes upper = hn::LoadU(d, planes + (4 + kQ / 4) * kVector);
      return hn::Or(low, moved<4 - 2 * (kQ % 4)>(upper, 48));
    }
  }
}

HWY_INLINE hn::Vec<hn::RebindToSigned<ByteTag>> broadcast_quad(const std::int8_t* x) {
  std::int32_t quad;
  std::memcpy(&quad, x, sizeof quad);
  return hn::BitCast(hn::RebindToSigned<ByteTag>(),
                     hn::Set(hn::Repartition<std::int32_t, FloatTag>(), quad));
}

// Each form names its bits and units, and gives the scale and minimum of a unit (of a half of it
// when kHalves is 2). kHasMinimum: products need the sums of x.
template <int kLevelBits, int kCenter>
struct ScaleForm {  // element = scale * (level - center)
  static constexpr int kBits = kLevelBits, kUnits = 1, kHalves = 1, kUnitBytes = 0,
                       kBlockHalves = 1;
  static constexpr bool kSigned = kLevelBits == 8, kHasMinimum = kCenter != 0;
  struct Block {
    Floats scale;
  };
  static HWY_INLINE Block open(const std::byte* header) { return {halves_at(header)}; }
  static HWY_INLINE Floats scale(const Block& block, const std::byte*, int) { return block.scale; }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte*, int) {
    return hn::Mul(block.scale, hn::Set(FloatTag(), -kCenter));
  }
};
template <int kLevelBits>
struct MinimumForm {  // scale * level + minimum
  static constexpr int kBits = kLevelBits, kUnits = 1, kHalves = 1, kUnitBytes = 0,
                       kBlockHalves = 2;
  static constexpr bool kSigned = false, kHasMinimum = true;
  struct Block {
    Floats scale, minimum;
  };
  static HWY_INLINE Block open(const std::byte* header) {
    return {halves_at(header), halves_at(header + 2 * kLanes)};
  }
  static HWY_INLINE Floats scale(const Block& block, const std::byte*, int) { return block.scale; }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte*, int) {
    return block.minimum;
  }
};
struct Q4_KForm {  // scale * unit scale * level - minimum * unit minimum
  static constexpr int kBits = 4, kUnits = 8, kHalves = 1, kUnitBytes = 2, kBlockHalves = 2;
  static constexpr bool kSigned = false, kHasMinimum = true;
  struct Block {
    Floats scale, minimum;
  };
  static HWY_INLINE Block open(const std::byte* header) {
    return {halves_at(header), halves_at(header + 2 * kLanes)};
  }
  static HWY_INLINE Floats scale(const Block& block, const std::byte* unit, int) {
    return hn::Mul(block.scale, bytes_at<std::uint8_t>(unit));
  }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte* unit, int) {
    return hn::Neg(hn::Mul(block.minimum, bytes_at<std::uint8_t>(unit + kLanes)));
  }
};
struct Q6_KForm {  // scale * scale of the half * (level - 32)
  static constexpr int kBits = 6, kUnits = 8, kHalves = 2, kUnitBytes = 2, kBlockHalves = 1;
  static constexpr bool kSigned = false, kHasMinimum = true;
  struct Block {
    Floats scale;
  };
  static HWY_INLINE Block open(const std::byte* header) { return {halves_at(header)}; }
  static HWY_INLINE Floats scale(const Block& block, const std::byte* unit, int half) {
    return hn::Mul(block.scale, bytes_at<std::int8_t>(unit + half * kLanes));
  }
  static HWY_INLINE Floats minimum(const Block& block, const std::byte* unit, int half) {
    return hn::Mul(scale(block, unit, half), hn::Set(FloatTag(), -32));
  }
};

template <class Form, int kTokens>
using Sums = QuadSums<ByteTag, (1 << Form::kBits) - 1, Form::kSigned>[kTokens];

// sums += quads kFirst, kFirst + 1, … of a unit.
template <class Form, int kTokens, int kFirst, int... kOffsets>
HWY_INLINE void add_quads(const std::uint8_t* planes, const std::int8_t* x,
                          Sums<Form, kTokens>& sums, std::integer_sequence<int, kOffsets...>) {
  const auto add = [&]<int kOffset>(std::integral_constant<int, kOffset>) HWY_ATTR {
    constexpr int kQ = kFirst + kOffset;
    const auto weight = sums[0].prepare(levels_of_quad<Form::kBits, kQ>(planes));
    HWY_UNROLL(8)
    for (int t = 0; t < kTokens; ++t) {
      sums[t].template add<kOffset, sizeof...(kOffsets)>(weight,
                                                         broadcast_quad(x + t * kUnit + 4 * kQ));
    }
  };
  (add(std::integral_constant<int, kOffsets>()), ...);
}

// totals += products of one half of a unit (all of it when kHalves is 1) with one term of x:
// levels [kTokens][32], scales [kTokens].
template <class Form, int kTokens, int kHalf>
HWY_INLINE void add_term(const std::uint8_t* planes, const std::int8_t* levels, const float* scales,
                         Floats scale_of_unit, Floats* totals) {
  constexpr int kQuadsOfHalf = kQuads / Form::kHalves;
  const FloatTag d;
  Sums<Form, kTokens> sums;
  add_quads<Form, kTokens, kHalf * kQuadsOfHalf>(planes, levels, sums,
                                                 std::make_integer_sequence<int, kQuadsOfHalf>());
  HWY_UNROLL(8)
  for (int t = 0; t < kTokens; ++t) {
    const Floats scale = hn::Mul(scale_of_unit, hn::Set(d, scales[t]));
    totals[t] = hn::MulAdd(hn::ConvertTo(d, sums[t].total()), scale, totals[t]);
  }
}

// The same for the second term, which most rows of x do not have in a group: each that has is taken
// alone unless they are many.
template <class Form, int kTokens, int kHalf>
HWY_INLINE void add_remainders(const std::uint8_t* planes, const std::int8_t* levels,
                               const float* scales, Floats scale_of_unit, Floats* totals) {
  constexpr int kFew = 3;
  if constexpr (kTokens > kFew) {
    int count = 0;
    HWY_UNROLL(8)
    for (int t = 0; t < kTokens; ++t) count += scales[t] != 0 ? 1 : 0;
    if (count <= kFew) {
      HWY_UNROLL(8)
      for (int t = 0; t < kTokens; ++t) {
        if (scales[t] == 0) continue;
        add_term<Form, 1, kHalf>(planes, levels + t * kUnit, scales + t, scale_of_unit, totals + t);
      }
      return;
    }
  }
  add_term<Form, kTokens, kHalf>(planes, levels, scales, scale_of_unit, totals);
}

template <class Form, int kTokens, int kHalf>
HWY_INLINE void add_half(const typename Form::Block& block, const std::byte* unit,
                         const RoundedRows::Block& x, std::int64_t group, bool has_remainder,
                         Floats* totals) {
  const FloatTag d;
  const auto* planes = reinterpret_cast<const std::uint8_t*>(unit) + kLanes * Form::kUnitBytes;
  const Floats scale = Form::scale(block, unit, kHalf);
  add_term<Form, kTokens, kHalf>(planes, x.levels[0] + group * kTokens * kUnit,
                                 x.scales[0] + group * kTokens, scale, totals);
  if (HWY_UNLIKELY(has_remainder)) {
    add_remainders<Form, kTokens, kHalf>(planes, x.levels[1] + group * kTokens * kUnit,
                                         x.scales[1] + group * kTokens, scale, totals);
  }
  if constexpr (Form::kHasMinimum) {
    const Floats minimum = Form::minimum(block, unit, kHalf);
    const float* sums = x.sums + (3 * group + (Form::kHalves == 2 ? kHalf : 2)) * kTokens;
    HWY_UNROLL(8)
    for (int t = 0; t < kTokens; ++t) {
      totals[t] = hn::MulAdd(minimum, hn::Set(d, sums[t]), totals[t]);
    }
  }
}

template <class Form, int kTokens>
void tile(const std::byte* at, std::int64_t blocks, const RoundedRows::Block& x, float* out) {
  constexpr int kUnitSize = kLanes * (Form::kUnitBytes + 4 * Form::kBits);
  const FloatTag d;
  Floats totals[kTokens];
  for (auto& total : totals) total = hn::Zero(d);
  std::uint64_t remainders = 0;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const auto block = Form::open(at);
    at += 2 * kLanes * Form::kBlockHalves;
    for (int unit = 0; unit < Form::kUnits; ++unit, at += kUnitSize) {
      const std::int64_t group = b * Form::kUnits + unit;
      if (group % 64 == 0) remainders = x.remainders[group / 64];
      const bool has_remainder = (remainders >> (group % 64) & 1) != 0;
      add_half<Form, kTokens, 0>(block, at, x, group, has_remainder, totals);
      if constexpr (Form::kHalves == 2) {
        add_half<Form, kTokens, 1>(block, at, x, group, has_remainder, totals);
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) hn::StoreU(totals[t], d, out + t * kLanes);
}

template <class Form, int kTokens>
void tile_of_block(const InterleavedJob& job, std::int64_t index, const RoundedRows::Block& x) {
  float sums[kTokens * kLanes];
  tile<Form, kTokens>(job.tiles + index * job.tile_size, job.x.width() / (kUnit * Form::kUnits), x,
                      sums);
  const std::int64_t row = index * kLanes;
  const std::int64_t count = std::min<std::int64_t>(kLanes, job.outputs - row);
  for (int t = 0; t < kTokens; ++t) {
    std::copy_n(sums + t * kLanes, count, job.out + (x.first_row + t) * job.outputs + row);
  }
}

template <class Form>
void tiles_of_form(const InterleavedJob& job, std::int64_t first, std::int64_t last) {
  for (std::int64_t index = first; index < last; ++index) {
    for (std::int64_t b = 0; b < job.x.blocks(); ++b) {
      const RoundedRows::Block x = job.x.block(b);
      if (x.rows == 8) tile_of_block<Form, 8>(job, index, x);
      if (x.rows == 4) tile_of_block<Form, 4>(job, index, x);
      if (x.rows == 2) tile_of_block<Form, 2>(job, index, x);
      if (x.rows == 1) tile_of_block<Form, 1>(job, index, x);
    }
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

InterleavedKernel find(DType dtype) {
  switch (dtype) {
#if HWY_TARGET != HWY_SCALAR
    case DType::q4_0:
      return {kLanes, tiles_of_form<ScaleForm<4, 8>>};
    case DType::q4_1:
      return {kLanes, tiles_of_form<MinimumForm<4>>};
    case DType::q5_0:
      return {kLanes, tiles_of_form<ScaleForm<5, 16>>};
    case DType::q5_1:
      return {kLanes, tiles_of_form<MinimumForm<5>>};
    case DType::q8_0:
      return {kLanes, tiles_of_form<ScaleForm<8, 0>>};
    case DType::q4_k:
      return {kLanes, tiles_of_form<Q4_KForm>};
    case DType::q6_k:
      return {kLanes, tiles_of_form<Q6_KForm>};
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

bool multiplies_interleaved(DType dtype) { return HWY_DYNAMIC_DISPATCH(find)(dtype).lanes > 0; }

namespace {

// One weight's share of the chunks that threads take.
struct Piece {
  InterleavedJob job;
  InterleavedKernel kernel;
  std::int64_t tiles, grain, first_chunk;
};

std::shared_ptr<const InterleavedWeight> interleaved(const Tensor& weight, int lanes) {
  return std::static_pointer_cast<const InterleavedWeight>(weight.kept_form(
      [&] { return std::make_shared<const InterleavedWeight>(interleave(weight, lanes)); }));
}

}  // namespace

void interleaved_products(const RoundedRows& x, std::span<const Tensor> weights,
                          std::span<Tensor> outs) {
  std::vector<Piece> pieces;
  std::int64_t chunks = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const InterleavedKernel kernel = HWY_DYNAMIC_DISPATCH(find)(weights[i].dtype());
    const auto kept = interleaved(weights[i], kernel.lanes);
    // About 48 KiB of weight: enough to read in order for a while, small enough to balance.
    const std::int64_t grain = std::clamp<std::int64_t>((48 << 10) / kept->tile_size, 1, 32);
    const std::int64_t tiles = (kept->rows + kernel.lanes - 1) / kernel.lanes;
    const InterleavedJob job{x, kept->tiles.bytes(), kept->tile_size, kept->rows,
                             outs[i].data<float>()};
    pieces.push_back({job, kernel, tiles, grain, chunks});
    chunks += (tiles + grain - 1) / grain;
  }
  parallel_for(chunks, 1, [&](std::int64_t chunk, std::int64_t) {
    std::size_t index = pieces.size() - 1;
    while (pieces[index].first_chunk > chunk) --index;
    const Piece& piece = pieces[index];
    const std::int64_t first = (chunk - piece.first_chunk) * piece.grain;
    piece.kernel.tiles(piece.job, first, std::min(first + piece.grain, piece.tiles));
  });
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
