// A level times its scale is exact in f32 for every type with a layout, so the sum with the minimum
// is the only rounding, and values are those of decode.cc in every instruction set.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // the targets of interleaved_kernels.cc: they decide how many lanes
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/interleaved_decode.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "bantam/tensor/cpu/interleaved_decode.h"
#include "bantam/tensor/cpu/interleaved_form-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

constexpr int kVector = 4 * kLanes;

// The levels of one unit, [quad][lane][4].
template <class Form, int... kQ>
HWY_INLINE void open_levels(const std::uint8_t* planes, std::uint8_t* out,
                            std::integer_sequence<int, kQ...>) {
  (hn::StoreU(levels_of_quad<Form::kBits, kQ>(planes), ByteTag(), out + kQ * kVector), ...);
}

// The elements of quads first … last of one row.
template <class Form>
HWY_INLINE void decode_quads(const std::uint8_t* levels, int first, int last, float scale,
                             float minimum, float* HWY_RESTRICT out) {
  using Level = std::conditional_t<Form::kSigned, std::int8_t, std::uint8_t>;
  const hn::FixedTag<float, 4> d;
  const hn::RebindToSigned<decltype(d)> d32;
  const hn::Rebind<Level, decltype(d)> d8;
  const auto factor = hn::Set(d, scale), term = hn::Set(d, minimum);
  for (int q = first; q < last; ++q) {
    const auto* four = reinterpret_cast<const Level*>(levels + q * kVector);
    const auto level = hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, four)));
    hn::StoreU(hn::Add(hn::Mul(level, factor), term), d, out + 4 * q);
  }
}

template <class Form>
HWY_INLINE void decode_unit(const typename Form::Block& block, const std::byte* unit, int first,
                            int last, std::int64_t width, float* HWY_RESTRICT out) {
  constexpr int kQuadsOfHalf = kQuads / Form::kHalves;
  const FloatTag d;
  std::uint8_t levels[kQuads * kVector];
  open_levels<Form>(reinterpret_cast<const std::uint8_t*>(unit) + kLanes * Form::kUnitBytes, levels,
                    std::make_integer_sequence<int, kQuads>());
  for (int half = 0; half < Form::kHalves; ++half) {
    float scales[kLanes], minimums[kLanes] = {};
    hn::StoreU(Form::scale(block, unit, half), d, scales);
    if constexpr (Form::kHasMinimum) hn::StoreU(Form::minimum(block, unit, half), d, minimums);
    for (int row = first; row < last; ++row) {
      decode_quads<Form>(levels + 4 * row, half * kQuadsOfHalf, (half + 1) * kQuadsOfHalf,
                         scales[row], minimums[row], out + (row - first) * width);
    }
  }
}

// Rows first … last of a tile.
template <class Form>
void decode_tile(const std::byte* at, int first, int last, std::int64_t width, float* out) {
  for (std::int64_t i = 0; i < width;) {
    const auto block = Form::open(at);
    at += 2 * kLanes * Form::kBlockHalves;
    for (int unit = 0; unit < Form::kUnits; ++unit, i += kUnit) {
      decode_unit<Form>(block, at, first, last, width, out + i);
      at += kLanes * (Form::kUnitBytes + 4 * Form::kBits);
    }
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

using DecodeTile = void (*)(const std::byte* at, int first, int last, std::int64_t width,
                            float* out);

DecodeTile find(DType dtype) {
  switch (dtype) {
#if HWY_TARGET != HWY_SCALAR
    case DType::q4_0:
      return decode_tile<ScaleForm<4, 8>>;
    case DType::q4_1:
      return decode_tile<MinimumForm<4>>;
    case DType::q5_0:
      return decode_tile<ScaleForm<5, 16>>;
    case DType::q5_1:
      return decode_tile<MinimumForm<5>>;
    case DType::q8_0:
      return decode_tile<ScaleForm<8, 0>>;
    case DType::q4_k:
      return decode_tile<Q4_KForm>;
    case DType::q6_k:
      return decode_tile<Q6_KForm>;
#endif
    default:
      return nullptr;
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

void decode_interleaved(const InterleavedWeight& weight, std::int64_t first, std::int64_t rows,
                        float* out) {
  const auto decode = HWY_DYNAMIC_DISPATCH(find)(weight.dtype);
  const std::int64_t last = first + rows;
  for (std::int64_t tile = first / weight.lanes; tile * weight.lanes < last; ++tile) {
    const std::int64_t row = tile * weight.lanes, begin = std::max(first, row),
                       end = std::min(last, row + weight.lanes);
    decode(weight.tiles + tile * weight.tile_size, static_cast<int>(begin - row),
           static_cast<int>(end - row), weight.width, out + (begin - first) * weight.width);
  }
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
