#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // CPUs with AMX have this target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_attention.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "bantam/tensor/cpu/amx_attention.h"
#include "bantam/tensor/cpu/amx_round-inl.h"
#include "bantam/tensor/ops/paged_attention.h"

#ifndef BANTAM_TENSOR_CPU_AMX_ATTENTION_ONCE_
#define BANTAM_TENSOR_CPU_AMX_ATTENTION_ONCE_
namespace bantam::cpu {

// How factors become tiles; see AmxAttention. `list` is what lies between tiles of one factor.
struct AttentionPacks {
  // Floats [rows, columns], times `scale`, as tiles of rows: [blocks][columns / 32]; zeros after
  // the last row and column.
  void (*rows)(const float* from, std::int64_t stride, int rows, int columns, float scale,
               std::int64_t list, std::uint16_t* tiles);
  // Keys of a page as tiles of columns: [2 blocks of keys][width / 32].
  void (*keys)(const std::uint16_t* page, int first, int width, std::uint16_t* tiles);
  // Values as tiles of columns, one for 16 features; zeros after the last.
  void (*values)(const std::uint16_t* from, int count, int width, std::int64_t list,
                 std::uint16_t* tiles);
};

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3_DL
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::Full512<float> kFloats;
constexpr hn::Full512<std::uint16_t> kHalves;
constexpr int kLanes = 16;
static_assert(kPageRows == kAmxDepth && kKeyQuad == 4);

HWY_INLINE SixteenFloats widened(const std::uint16_t* from) {
  const hn::Rebind<hwy::float16_t, hn::Full512<float>> halves;
  return hn::PromoteTo(kFloats, hn::LoadU(halves, reinterpret_cast<const hwy::float16_t*>(from)));
}

void pack_rows(const float* from, std::int64_t stride, int rows, int columns, float scale,
               std::int64_t list, std::uint16_t* tiles) {
  const auto factor = hn::Set(kFloats, scale);
  const int padded = (rows + kAmxPair - 1) / kAmxPair * kAmxPair;
  for (int row = 0; row < padded; ++row) {
    std::uint16_t* to = tiles + row / kAmxRows * list + row % kAmxRows * kAmxDepth;
    for (int c = 0; c < columns; c += kAmxDepth, to += kAmxTile) {
      const int left = row < rows ? columns - c : 0;
      const auto part = [&](int begin) HWY_ATTR {
        const int count = std::clamp(left - begin, 0, kLanes);
        const auto some = hn::FirstN(kFloats, static_cast<std::size_t>(count));
        return hn::Mul(hn::MaskedLoad(some, kFloats, from + row * stride + c + begin), factor);
      };
      hn::StoreU(to_bf16(part(0), part(kLanes)), kHalves, to);
    }
  }
}

// Four features of 16 keys are two pairs of neighbors of each.
void pack_keys(const std::uint16_t* page, int first, int width, std::uint16_t* tiles) {
  const hn::Full512<std::uint32_t> words;
  for (int block = 0; block < 2; ++block) {
    const std::uint16_t* from = page + (first + block * kAmxRows) * kKeyQuad;
    for (int quad = 0; quad < width / kKeyQuad; ++quad, from += kPageRows * kKeyQuad) {
      const auto low = hn::BitCast(words, to_bf16(widened(from), widened(from + kLanes))),
                 high = hn::BitCast(
                     words, to_bf16(widened(from + 2 * kLanes), widened(from + 3 * kLanes)));
      std::uint16_t* const to = tiles + quad * 2 * kAmxDepth;  // eight quads fill a tile
      hn::StoreU(hn::BitCast(kHalves, hn::ConcatEven(words, high, low)), kHalves, to);
      hn::StoreU(hn::BitCast(kHalves, hn::ConcatOdd(words, high, low)), kHalves, to + kAmxDepth);
    }
    tiles += width / kAmxDepth * kAmxTile;
  }
}

void pack_values(const std::uint16_t* from, int count, int width, std::int64_t list,
                 std::uint16_t* tiles) {
  for (int pair = 0; pair < kAmxDepth / 2; ++pair) {
    const std::uint16_t* two = from + 2 * pair * width;
    for (int e = 0; e < width; e += kLanes) {
      const auto value = [&](int row) HWY_ATTR {
        return 2 * pair + row < count ? widened(two + row * width + e) : hn::Zero(kFloats);
      };
      hn::StoreU(to_bf16_pairs(value(0), value(1)), kHalves,
                 tiles + e / kLanes * list + pair * kAmxDepth);
    }
  }
}

AttentionPacks find() { return {pack_rows, pack_keys, pack_values}; }

#else

AttentionPacks find() { return {}; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

const AttentionPacks& packs() {
  static const AttentionPacks instance = HWY_DYNAMIC_DISPATCH(find)();
  return instance;
}

}  // namespace

bool attends_by_amx(int width) { return has_amx() && width % kAmxPair == 0; }

void AmxAttention::set_queries(const float* q, int rows, int width, float scale) {
  rows_ = rows, width_ = width, added_ = 0;
  const std::int64_t blocks = 2 * amx_pairs(rows), of_width = width / kAmxDepth,
                     feature_tiles = width / kAmxRows;
  const std::int64_t tiles =
      blocks * of_width + 2 * of_width + blocks * kMostPages + feature_tiles * kMostPages;
  // Rows of tiles lie within cache lines.
  constexpr std::int64_t kLine = 64 / sizeof(std::uint16_t);
  const auto elements = static_cast<std::size_t>(tiles * kAmxTile + kLine);
  if (memory_.size() < elements) memory_.resize(elements);
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
  queries_ = memory_.data() + (64 - address % 64) % 64 / sizeof(std::uint16_t);
  keys_ = queries_ + blocks * of_width * kAmxTile;
  weights_ = keys_ + 2 * of_width * kAmxTile;
  values_ = weights_ + blocks * kMostPages * kAmxTile;
  packs().rows(q, width, rows, width, scale, of_width * kAmxTile, queries_);
}

void AmxAttention::scores(const std::uint16_t* keys, int first, float* scores,
                          std::int64_t stride) {
  const std::int64_t list = width_ / kAmxDepth * kAmxTile;
  packs().keys(keys, first, width_, keys_);
  const AmxThread amx;
  for (std::int64_t pair = 0; pair < amx_pairs(rows_); ++pair) {
    const std::uint16_t* rows = queries_ + 2 * pair * list;
    amx.multiply({{rows, rows + list}, {keys_, keys_ + list}, width_ / kAmxDepth}, false,
                 scores + pair * kAmxPair * stride, stride);
  }
}

void AmxAttention::add(const float* weights, std::int64_t stride, const std::uint16_t* values,
                       int count) {
  constexpr std::int64_t kList = kMostPages * kAmxTile;
  packs().rows(weights, stride, rows_, count, 1, kList, weights_ + added_ * kAmxTile);
  packs().values(values, count, width_, kList, values_ + added_ * kAmxTile);
  ++added_;
}

void AmxAttention::take_sums(float* out) {
  constexpr std::int64_t kList = kMostPages * kAmxTile;
  const auto size = static_cast<std::size_t>(padded_rows(rows_) * width_);
  if (sums_.size() < size) sums_.resize(size);
  const AmxThread amx;
  for (std::int64_t pair = 0; pair < amx_pairs(rows_); ++pair) {
    const std::uint16_t* rows = weights_ + 2 * pair * kList;
    for (int e = 0; e < width_; e += kAmxPair) {
      const std::uint16_t* columns = values_ + e / kAmxRows * kList;
      amx.multiply({{rows, rows + kList}, {columns, columns + kList}, added_}, false,
                   sums_.data() + pair * kAmxPair * width_ + e, width_);
    }
  }
  std::copy_n(sums_.data(), rows_ * width_, out);
  added_ = 0;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
