// Tiles of an interleaved weight, as they lie in memory or unpacked, for the instruction set being
// compiled. Each gives the units of its rows: quads of levels, scales and minimums.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_INTERLEAVED_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_INTERLEAVED_TILE_INL_H_
#undef BANTAM_TENSOR_CPU_INTERLEAVED_TILE_INL_H_
#else
#define BANTAM_TENSOR_CPU_INTERLEAVED_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "bantam/tensor/cpu/interleaved_form-inl.h"
#include "bantam/tensor/cpu/quad_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR

using SignedBytes = hn::Vec<hn::RebindToSigned<ByteTag>>;
using IntegerTag = hn::RebindToSigned<FloatTag>;
using Integers = hn::Vec<IntegerTag>;

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
  if constexpr (Form::kCenter == 0) {
    return hn::Zero(IntegerTag());
  } else {
    return hn::ShiftLeft<std::countr_zero(static_cast<unsigned>(Form::kCenter))>(negative_sums);
  }
}
// Where the negative sums of a half stand among three.
template <class Form, int kHalf>
constexpr int kSumOfHalf = Form::kHalves == 2 ? kHalf : 2;

// How far ahead of where they are read weights are fetched: few rows of x leave so little to do for
// each byte that the hardware, which looks ahead less, makes them wait for memory. Measured: twice
// as many bytes a second. A core waits for few lines at once in its first-level cache; CPUs with
// AVX-512 are servers, whose memory is far away, and wait for more of them in the second.
constexpr bool kIsServer = HWY_TARGET == HWY_AVX3_DL;
constexpr std::int64_t kAheadBytes = kIsServer ? 8192 : 4096, kLineBytes = 64;
constexpr int kReading = 0, kSecondLevel = 2, kAllLevels = 3;

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
    HWY_INLINE const std::uint8_t* planes() const {
      return reinterpret_cast<const std::uint8_t*>(at) + kLanes * Form::kUnitBytes;
    }
    template <int kQ>
    HWY_INLINE Bytes quad() const {
      return levels_for_product<Form, kQ>(planes());
    }
    HWY_INLINE void fetch_ahead() const { fetch_ahead(0, 1); }
    /// One of so many parts of that.
    HWY_INLINE void fetch_ahead(int part, int parts) const {
      constexpr std::int64_t kSize = kHeader / Form::kUnits + kUnitSize;
      const std::int64_t lines = (kSize + kLineBytes - 1) / kLineBytes;
      const std::int64_t end = lines * (part + 1) / parts * kLineBytes;
      for (std::int64_t i = lines * part / parts * kLineBytes; i < end; i += kLineBytes) {
        __builtin_prefetch(at + kAheadBytes + i, kReading, kIsServer ? kSecondLevel : kAllLevels);
      }
    }
    HWY_INLINE Floats scale(int half) const { return Form::scale(block, at, half); }
    HWY_INLINE Floats minimum(int half) const { return Form::minimum(block, at, half); }
  };
  /// A block of units, whose header is opened once.
  struct Block {
    typename Form::Block header;
    const std::byte* units;
    HWY_INLINE Unit unit(std::int64_t number) const { return {header, units + number * kUnitSize}; }
  };
  HWY_INLINE Block block(std::int64_t number) const {
    const std::byte* const at = at_ + number * (kHeader + Form::kUnits * kUnitSize);
    return {Form::open(at), at + kHeader};
  }
  HWY_INLINE Unit unit(std::int64_t group) const {
    return block(group / Form::kUnits).unit(group % Form::kUnits);
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

#endif  // HWY_TARGET != HWY_SCALAR
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
