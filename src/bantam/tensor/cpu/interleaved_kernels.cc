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
#include <hwy/highway.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "bantam/tensor/cpu/interleaved_form-inl.h"
#include "bantam/tensor/cpu/interleaved_kernels.h"
#include "bantam/tensor/cpu/interleaved_narrow-inl.h"
#include "bantam/tensor/cpu/interleaved_tile-inl.h"
#include "bantam/tensor/cpu/interleaved_wide-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

// Blocks, from the first one on, that a tile meets at once: two of the most narrow rows, where
// there are registers for so many sums. Eight alone wait for each other's results.
constexpr bool kMeetsPairs = kLanes == 2 * RoundedRows::kMostNarrow;
std::size_t met_at_once(std::span<const RoundedRows::Block> blocks) {
  const auto is_full = [](const RoundedRows::Block& x) {
    return !x.wide && x.rows == RoundedRows::kMostNarrow;
  };
  return kMeetsPairs && blocks.size() > 1 && is_full(blocks[0]) && is_full(blocks[1]) ? 2 : 1;
}

// Multiplies a tile by blocks of x that it meets at once; `open` is the tile unpacked.
template <class Form>
void multiply_blocks(const PackedTile<Form>& tile, const OpenTile<Form>& open, std::int64_t groups,
                     std::span<const RoundedRows::Block> blocks, const OutputOfTile& out) {
  const RoundedRows::Block& x = blocks.front();
  if (x.wide && x.stride == kMostVectors * kLanes) {
    wide_tile<Form, kMostVectors>(open, groups, x, out);
  } else if (x.wide) {
    wide_tile<Form, kLeastVectors>(open, groups, x, out);
  } else if (blocks.size() == 2) {
    if constexpr (kMeetsPairs) narrow_tile<Form, 8, 2>(tile, groups, blocks, out);
  } else if (x.rows == 8) {
    narrow_tile<Form, 8, 1>(tile, groups, blocks, out);
  } else if (x.rows == 4) {
    narrow_tile<Form, 4, 1>(tile, groups, blocks, out);
  } else if (x.rows == 2) {
    narrow_tile<Form, 2, 1>(tile, groups, blocks, out);
  } else {
    narrow_tile<Form, 1, 1>(tile, groups, blocks, out);
  }
}

// Multiplies tile `index` by blocks of x; `open` is room for the tile unpacked.
template <class Form>
void tile_of_blocks(const InterleavedJob& job, std::int64_t index,
                    std::span<const RoundedRows::Block> blocks, OpenTile<Form>& open) {
  const PackedTile<Form> tile(job.tiles + index * job.tile_size);
  const std::int64_t groups = job.x.groups(), row = index * kLanes;
  const std::int64_t rows = std::min<std::int64_t>(kLanes, job.outputs - row);
  if (blocks.front().wide) open.open(tile);
  while (!blocks.empty()) {
    const auto some = blocks.first(met_at_once(blocks));
    blocks = blocks.subspan(some.size());
    float* const out = job.out + some.front().first_row * job.outputs + row;
    if (rows == kLanes && some.back().rows == some.back().stride) {
      multiply_blocks(tile, open, groups, some, {out, job.outputs});
      continue;
    }
    float whole[std::max(kMostVectors * kLanes, 2 * RoundedRows::kMostNarrow) * kLanes];
    multiply_blocks(tile, open, groups, some, {whole, kLanes});
    const int count = static_cast<int>(some.size()) * some.front().rows;
    for (int t = 0; t < count; ++t) std::copy_n(whole + t * kLanes, rows, out + t * job.outputs);
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
