#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // CPUs with AMX have this target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_attention_pack.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <cstddef>

#include "bantam/tensor/cpu/amx_attention_pack.h"
#include "bantam/tensor/cpu/amx_round-inl.h"
#include "bantam/tensor/ops/paged_attention.h"

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

void pack_queries(const QueryRows& rows, std::uint16_t* tiles) {
  const auto factor = hn::Set(kFloats, rows.scale);
  const std::int64_t of_block = rows.width / kAmxDepth * kAmxTile;
  const int count = rows.queries * rows.per_group,
            padded = (count + kAmxPair - 1) / kAmxPair * kAmxPair;
  const float* query = rows.first;
  for (int row = 0, head = 0; row < padded; ++row) {
    std::uint16_t* to = tiles + row / kAmxRows * of_block + row % kAmxRows * kAmxDepth;
    for (int e = 0; e < rows.width; e += kAmxDepth, to += kAmxTile) {
      if (row >= count) {
        hn::StoreU(hn::Zero(kHalves), kHalves, to);
        continue;
      }
      const float* const from = query + head * rows.width + e;
      hn::StoreU(to_bf16(hn::Mul(hn::LoadU(kFloats, from), factor),
                         hn::Mul(hn::LoadU(kFloats, from + kLanes), factor)),
                 kHalves, to);
    }
    if (++head == rows.per_group) head = 0, query += rows.stride;
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

AmxPacks find() { return {pack_queries, pack_keys, pack_values}; }

#else

AmxPacks find() { return {}; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {

HWY_EXPORT(find);

const AmxPacks& amx_packs() {
  static const AmxPacks instance = HWY_DYNAMIC_DISPATCH(find)();
  return instance;
}

std::int64_t AmxAttention::packed_size(int width) {
  return amx_size_of_keys(width) + width / kAmxRows * kAmxPieceList;
}

void AmxAttention::pack(std::span<const AmxPiece> pieces, std::span<const AmxPage> pages, int width,
                        std::uint16_t* packed) {
  const std::int64_t of_piece = amx_size_of_keys(width) / kMostPieces;
  std::uint16_t *keys = packed, *values = packed + amx_size_of_keys(width);
  for (std::size_t number = 0; number < pieces.size(); ++number) {
    const auto& [first, count, before] = pieces[number];
    amx_packs().keys(pages[number].keys, first, width, keys);
    amx_packs().values(pages[number].values + first * width, count, width, kAmxPieceList, values);
    keys += of_piece, values += kAmxTile;
  }
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
