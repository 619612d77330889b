// Neighbors along the sum that lie side by side in memory make a tile of rows at once, [16][32];
// vectors that lie side by side make a tile of columns, [16 pairs][16][2]. Seen as words of two
// neighbors, one is the other transposed.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // CPUs with AMX have this target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_pack.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/amx_pack.h"
#include "bantam/tensor/cpu/amx_round-inl.h"

#ifndef BANTAM_TENSOR_CPU_AMX_PACK_ONCE_
#define BANTAM_TENSOR_CPU_AMX_PACK_ONCE_
namespace bantam::cpu {

enum class TileOf { rows, columns };
// Blocks of 16 vectors, and groups of 32 neighbors.
struct TileRange {
  std::int64_t first_block, last_block, begin, end;
};
// Tiles of a range: [blocks][groups].
using PackTiles = void (*)(TileOf form, const Vectors& vectors, const TileRange& range,
                           std::uint16_t* out);
struct Packers {
  PackTiles tiles;
  void (*scaled)(const float* x, std::int64_t count, std::int64_t width, const float* factors,
                 const float* weight, std::uint16_t* out);
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

// Swaps rows and columns of 16 x 16 words: of two, of four, then of four blocks of four.
HWY_INLINE void transpose_words(std::uint16_t* tile) {
  auto* const words = reinterpret_cast<__m512i*>(tile);
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(words + i);
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]), b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]), a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  // a[4 i + j] now has, in block c, word 4 c + j of rows 4 i … 4 i + 3.
  for (int j = 0; j < 4; ++j) {
    const __m512i low = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88),
                  high = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd),
                  low2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88),
                  high2 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd);
    _mm512_storeu_si512(words + j, _mm512_shuffle_i32x4(low, low2, 0x88));
    _mm512_storeu_si512(words + 8 + j, _mm512_shuffle_i32x4(low, low2, 0xdd));
    _mm512_storeu_si512(words + 4 + j, _mm512_shuffle_i32x4(high, high2, 0x88));
    _mm512_storeu_si512(words + 12 + j, _mm512_shuffle_i32x4(high, high2, 0xdd));
  }
}

HWY_INLINE void fetch(const float* line) {
  constexpr int kReading = 0, kSecondLevel = 2;
  __builtin_prefetch(line, kReading, kSecondLevel);
}

// A tile of vectors whose neighbors lie side by side, as rows. What stands `ahead` of each of its
// rows is packed some tiles later.
constexpr std::int64_t kGroupsAhead = 4;
HWY_INLINE void pack_contiguous(const float* from, std::int64_t stride, std::int64_t ahead,
                                std::uint16_t* out) {
  for (int v = 0; v < kAmxRows; ++v) {
    const float* row = from + v * stride;
    fetch(row + ahead), fetch(row + ahead + kAmxRows);
    hn::StoreU(to_bf16(hn::LoadU(kFloats, row), hn::LoadU(kFloats, row + kAmxRows)), kHalves,
               out + v * kAmxDepth);
  }
}

// One group of blocks that lie side by side, as columns: memory is read in order, whole lines of
// many blocks at a time.
HWY_INLINE void pack_side_by_side(const float* from, std::int64_t stride, std::int64_t blocks,
                                  std::int64_t of_block, std::uint16_t* out) {
  const float* ahead = from + kAmxDepth * stride;
  std::int64_t line = 0;
  const auto fetch_next = [&] {
    fetch(ahead + line * kAmxRows);
    if (++line == blocks) line = 0, ahead += stride;
  };
  for (std::int64_t block = 0; block < blocks; ++block, from += kAmxRows, out += of_block) {
    const float* two = from;
    for (int pair = 0; pair < kAmxDepth / 2; ++pair, two += 2 * stride) {
      fetch_next(), fetch_next();
      hn::StoreU(to_bf16_pairs(hn::LoadU(kFloats, two), hn::LoadU(kFloats, two + stride)), kHalves,
                 out + pair * kAmxDepth);
    }
  }
}

// A tile at an edge as rows, with zeros where there is nothing.
HWY_NOINLINE void pack_edge(const Vectors& vectors, std::int64_t first, std::int64_t begin,
                            std::uint16_t* out) {
  float values[kAmxTile] = {};
  const std::int64_t rows = std::min<std::int64_t>(kAmxRows, vectors.count - first),
                     depth = std::min<std::int64_t>(kAmxDepth, vectors.length - begin);
  for (std::int64_t v = 0; v < rows; ++v) {
    for (std::int64_t l = 0; l < depth; ++l) {
      const std::int64_t at = vectors.contiguous ? (first + v) * vectors.stride + begin + l
                                                 : (begin + l) * vectors.stride + first + v;
      values[v * kAmxDepth + l] = vectors.data[at];
    }
  }
  pack_contiguous(values, kAmxDepth, 0, out);
}

// Blocks of contiguous vectors are packed one after the other, groups of others: either reads few
// streams of memory at a time.
void pack(TileOf form, const Vectors& vectors, const TileRange& range, std::uint16_t* out) {
  const std::int64_t groups = range.end - range.begin,
                     whole_blocks =
                         std::clamp(vectors.count / kAmxRows, range.first_block, range.last_block),
                     whole_groups = std::clamp(vectors.length / kAmxDepth, range.begin, range.end);
  const auto tile = [&](std::int64_t block, std::int64_t group) {
    return out + ((block - range.first_block) * groups + group - range.begin) * kAmxTile;
  };
  if (vectors.contiguous) {
    const std::int64_t next_block =
        kAmxRows * vectors.stride - (whole_groups - range.begin) * kAmxDepth;
    for (std::int64_t block = range.first_block; block < whole_blocks; ++block) {
      const float* from = vectors.data + block * kAmxRows * vectors.stride;
      for (std::int64_t group = range.begin; group < whole_groups; ++group) {
        const bool is_near = group + kGroupsAhead < whole_groups;
        pack_contiguous(from + group * kAmxDepth, vectors.stride,
                        kGroupsAhead * kAmxDepth + (is_near ? 0 : next_block), tile(block, group));
        if (form == TileOf::columns) transpose_words(tile(block, group));
      }
    }
  } else {
    for (std::int64_t group = range.begin; group < whole_groups; ++group) {
      const float* from = vectors.data + group * kAmxDepth * vectors.stride;
      pack_side_by_side(from + range.first_block * kAmxRows, vectors.stride,
                        whole_blocks - range.first_block, groups * kAmxTile,
                        tile(range.first_block, group));
      for (std::int64_t block = range.first_block; block < whole_blocks; ++block) {
        if (form == TileOf::rows) transpose_words(tile(block, group));
      }
    }
  }
  for (std::int64_t block = range.first_block; block < range.last_block; ++block) {
    const std::int64_t edge = block < whole_blocks ? whole_groups : range.begin;
    for (std::int64_t group = edge; group < range.end; ++group) {
      pack_edge(vectors, block * kAmxRows, group * kAmxDepth, tile(block, group));
      if (form == TileOf::columns) transpose_words(tile(block, group));
    }
  }
}

// (x * factor) * weight as a block of tiles.
void pack_scaled(const float* x, std::int64_t count, std::int64_t width, const float* factors,
                 const float* weight, std::uint16_t* out) {
  for (std::int64_t e = 0; e < width; e += kAmxDepth, out += kAmxTile) {
    const auto first = hn::LoadU(kFloats, weight + e),
               second = hn::LoadU(kFloats, weight + e + kAmxRows);
    for (std::int64_t v = 0; v < count; ++v) {
      const float* const from = x + v * width + e;
      const auto factor = hn::Set(kFloats, factors[v]);
      hn::StoreU(to_bf16(hn::Mul(hn::Mul(hn::LoadU(kFloats, from), factor), first),
                         hn::Mul(hn::Mul(hn::LoadU(kFloats, from + kAmxRows), factor), second)),
                 kHalves, out + v * kAmxDepth);
    }
    for (std::int64_t v = count; v < kAmxRows; ++v) {
      hn::StoreU(hn::Zero(kHalves), kHalves, out + v * kAmxDepth);
    }
  }
}

Packers find() { return {pack, pack_scaled}; }

#else

Packers find() { return {}; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

PackTiles packer() { return HWY_DYNAMIC_DISPATCH(find)().tiles; }

std::int64_t groups_of(std::int64_t length) { return (length + kAmxDepth - 1) / kAmxDepth; }

}  // namespace

bool packs_tiles() { return packer() != nullptr; }

PackedRows::PackedRows(std::int64_t count, std::int64_t length)
    : memory_(Tensor::empty({2 * amx_pairs(count) * groups_of(length), kAmxTile}, DType::bf16)),
      view_{count, groups_of(length), memory_.data<std::uint16_t>()} {}

void pack_rows(const Vectors& vectors, const AmxRows& rows, std::int64_t row, std::int64_t group) {
  for (std::int64_t block = 0; block < 2 * amx_pairs(vectors.count); ++block) {
    packer()(TileOf::rows, vectors, {block, block + 1, 0, groups_of(vectors.length)},
             rows.tile(row / kAmxRows + block, group));
  }
}

void pack_scaled_rows(const float* x, std::int64_t count, std::int64_t width, const float* factors,
                      const float* weight, const AmxRows& rows, std::int64_t row) {
  HWY_DYNAMIC_DISPATCH(find)
  ().scaled(x, count, width, factors, weight, rows.tile(row / kAmxRows, 0));
}

PackedRows::PackedRows(const Vectors& vectors) : PackedRows(vectors.count, vectors.length) {
  // Few rows of many neighbors, or the other way round where rows lie side by side.
  const std::int64_t at_once = vectors.contiguous ? 1 : 16;
  parallel_for(2 * amx_pairs(vectors.count), at_once, [&](std::int64_t begin, std::int64_t end) {
    packer()(TileOf::rows, vectors, {begin, end, 0, view_.groups}, view_.tile(begin, 0));
  });
}

void pack_panel(const Vectors& vectors, const AmxPanel& panel, std::uint16_t* tiles) {
  packer()(TileOf::columns, vectors,
           {2 * panel.first_pair, 2 * panel.last_pair, panel.begin, panel.end}, tiles);
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
