#include "bantam/tensor/cpu/interleaved_weight.h"

#include <algorithm>
#include <cstring>

#include "bantam/base/threads.h"
#include "bantam/tensor/allocator.h"
#include "bantam/tensor/cpu/decode.h"
#include "bantam/tensor/quant/q4_0.h"
#include "bantam/tensor/quant/q4_1.h"
#include "bantam/tensor/quant/q4_k.h"
#include "bantam/tensor/quant/q5_0.h"
#include "bantam/tensor/quant/q5_1.h"
#include "bantam/tensor/quant/q6_k.h"
#include "bantam/tensor/quant/q8_0.h"

namespace bantam::cpu {
namespace {

constexpr int kUnit = RoundedRows::kGroup, kQuads = kUnit / 4;

// What a block of a type looks like in a tile.
struct InterleavedLayout {
  int bits = 0;          // of a level: 4, 5, 6 or 8
  int units = 0;         // of 32 elements in a block
  int block_halves = 0;  // f16 parameters of a block
  int unit_bytes = 0;    // one-byte parameters of a unit

  constexpr std::int64_t unit_size(int lanes) const { return lanes * (unit_bytes + 4 * bits); }
  constexpr std::int64_t block_size(int lanes) const {
    return 2 * lanes * block_halves + units * unit_size(lanes);
  }
};

// bits = 0 for a type whose levels are not integers.
constexpr InterleavedLayout layout_of(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return {.bits = 4, .units = 1, .block_halves = 1};
    case DType::q4_1:
      return {.bits = 4, .units = 1, .block_halves = 2};
    case DType::q5_0:
      return {.bits = 5, .units = 1, .block_halves = 1};
    case DType::q5_1:
      return {.bits = 5, .units = 1, .block_halves = 2};
    case DType::q8_0:
      return {.bits = 8, .units = 1, .block_halves = 1};
    case DType::q4_k:
      return {.bits = 4, .units = 8, .block_halves = 2, .unit_bytes = 2};
    case DType::q6_k:
      return {.bits = 6, .units = 8, .block_halves = 1, .unit_bytes = 2};
    default:
      return {};
  }
}

// One row of a block, taken apart: parameters in the order of the layout, levels one a byte.
struct OpenBlock {
  std::uint16_t halves[2];
  std::uint8_t unit_bytes[8][2];
  std::uint8_t levels[256];
};

template <class Block>
void open_nibbles(const Block& block, OpenBlock& out) {
  for (int i = 0; i < 16; ++i) {
    out.levels[i] = block.levels[i] & 15;
    out.levels[i + 16] = block.levels[i] >> 4;
  }
}
template <class Block>
void add_fifth_bits(const Block& block, OpenBlock& out) {
  for (int i = 0; i < kUnit; ++i) {
    out.levels[i] |= static_cast<std::uint8_t>((block.fifth_bits[i / 8] >> (i % 8) & 1) << 4);
  }
}

void open(const Q5_0Block& block, OpenBlock& out) {
  out.halves[0] = block.scale;
  open_nibbles(block, out);
  add_fifth_bits(block, out);
}
void open(const Q5_1Block& block, OpenBlock& out) {
  out.halves[0] = block.scale, out.halves[1] = block.minimum;
  open_nibbles(block, out);
  add_fifth_bits(block, out);
}
void open(const Q8_0Block& block, OpenBlock& out) {
  out.halves[0] = block.scale;
  std::memcpy(out.levels, block.levels, kUnit);
}
void open(const Q4_KBlock& block, OpenBlock& out) {
  out.halves[0] = block.scale, out.halves[1] = block.minimum;
  for (int unit = 0; unit < 8; ++unit) {
    const GroupScale scale = group_scale(block, unit);
    out.unit_bytes[unit][0] = static_cast<std::uint8_t>(scale.scale);
    out.unit_bytes[unit][1] = static_cast<std::uint8_t>(scale.minimum);
    for (int i = 0; i < kUnit; ++i) {
      out.levels[unit * kUnit + i] = block.levels[unit / 2 * kUnit + i] >> (unit % 2 * 4) & 15;
    }
  }
}
void open(const Q6_KBlock& block, OpenBlock& out) {
  out.halves[0] = block.scale;
  for (int unit = 0; unit < 8; ++unit) {
    const int half = unit / 4, run = unit % 4;
    std::memcpy(out.unit_bytes[unit], block.group_scales + 2 * unit, 2);
    for (int i = 0; i < kUnit; ++i) {
      const int low = block.low_bits[half * 64 + run % 2 * kUnit + i] >> (run / 2 * 4) & 15;
      const int upper = block.upper_bits[half * kUnit + i] >> (run * 2) & 3;
      out.levels[unit * kUnit + i] = static_cast<std::uint8_t>(low | upper << 4);
    }
  }
}

// Writes the levels of one unit of one row to the planes of its tile, four bytes at a time.
template <int kBits>
void put_levels(const std::uint8_t* levels, int lanes, int lane, std::uint8_t* planes) {
  std::uint32_t quads[kQuads];
  std::memcpy(quads, levels, sizeof quads);  // the layout is that of little-endian words
  const auto put = [&](int plane, std::uint32_t word) {
    std::memcpy(planes + 4 * (plane * lanes + lane), &word, sizeof word);
  };
  if constexpr (kBits == 8) {
    for (int q = 0; q < kQuads; ++q) put(q, quads[q]);
    return;
  }
  for (int q = 0; q < kQuads; q += 2) {
    put(q / 2, (quads[q] & 0x0f0f0f0f) | (quads[q + 1] & 0x0f0f0f0f) << 4);
  }
  const auto upper = [&](int q) { return quads[q] >> 4 & 0x03030303; };
  if constexpr (kBits == 5) {
    std::uint32_t fifth = 0;
    for (int q = 0; q < kQuads; ++q) fifth |= upper(q) << q;
    put(4, fifth);
  }
  if constexpr (kBits == 6) {
    put(4, upper(0) | upper(1) << 2 | upper(2) << 4 | upper(3) << 6);
    put(5, upper(4) | upper(5) << 2 | upper(6) << 4 | upper(7) << 6);
  }
}

// Where one row of a block goes in its tile.
struct RowOfTile {
  int lanes, lane;
  std::uint8_t* at;  // the tile's block

  void put_half(int index, std::uint16_t half) const {
    std::memcpy(at + 2 * (index * lanes + lane), &half, sizeof half);
  }
};

// Any block, level by level.
template <class Block>
void put_block(const Block& block, RowOfTile to) {
  constexpr InterleavedLayout kLayout = layout_of(Block::kType);
  OpenBlock opened;
  open(block, opened);
  for (int i = 0; i < kLayout.block_halves; ++i) to.put_half(i, opened.halves[i]);
  to.at += 2 * to.lanes * kLayout.block_halves;
  for (int unit = 0; unit < kLayout.units; ++unit) {
    for (int i = 0; i < kLayout.unit_bytes; ++i) {
      to.at[i * to.lanes + to.lane] = opened.unit_bytes[unit][i];
    }
    put_levels<kLayout.bits>(opened.levels + unit * kUnit, to.lanes, to.lane,
                             to.at + kLayout.unit_bytes * to.lanes);
    to.at += kLayout.unit_size(to.lanes);
  }
}

// The same for 4-bit blocks of one unit, eight levels at a time: loading a model waits for this.
// Word i of the block holds levels 8 i … 8 i + 7 in its low halves and, 16 further on, those that
// are two planes later in its high ones.
void put_nibbles(const std::uint8_t (&levels)[16], RowOfTile to) {
  constexpr std::uint64_t kLowHalves = 0x0f0f0f0f0f0f0f0f;
  const auto put = [&](int plane, std::uint64_t eight) {
    const auto word = static_cast<std::uint32_t>(eight | eight >> 28);
    std::memcpy(to.at + 4 * (plane * to.lanes + to.lane), &word, sizeof word);
  };
  for (int i = 0; i < 2; ++i) {
    std::uint64_t word;  // the layout is that of little-endian words
    std::memcpy(&word, levels + 8 * i, sizeof word);
    put(i, word & kLowHalves);
    put(i + 2, word >> 4 & kLowHalves);
  }
}
void put_block(const Q4_0Block& block, RowOfTile to) {
  to.put_half(0, block.scale);
  to.at += 2 * to.lanes;
  put_nibbles(block.levels, to);
}
void put_block(const Q4_1Block& block, RowOfTile to) {
  to.put_half(0, block.scale), to.put_half(1, block.minimum);
  to.at += 4 * to.lanes;
  put_nibbles(block.levels, to);
}

template <class Block>
void interleave_rows(const Tensor& weight, const InterleavedWeight& out, std::uint8_t* tiles) {
  const int lanes = out.lanes;
  const std::int64_t blocks = out.width / Block::kElements;
  const std::int64_t block_size = layout_of(Block::kType).block_size(lanes);
  const auto* from = reinterpret_cast<const Block*>(weight.bytes());
  parallel_for((out.rows + lanes - 1) / lanes, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin * lanes; row < std::min(end * lanes, out.rows); ++row) {
      RowOfTile to{lanes, static_cast<int>(row % lanes), tiles + row / lanes * out.tile_size};
      for (std::int64_t b = 0; b < blocks; ++b, to.at += block_size) {
        put_block(from[row * blocks + b], to);
      }
    }
  });
}

}  // namespace

InterleavedWeight interleave(const Tensor& weight, int lanes) {
  const InterleavedLayout layout = layout_of(weight.dtype());
  if (layout.units == 0) {
    throw internal_error("interleave: weights of type {} have no integer levels",
                         info(weight.dtype()).name);
  }
  InterleavedWeight out{weight.dtype(), lanes, weight.size(0), weight.size(1)};
  out.tile_size = out.width / (kUnit * layout.units) * layout.block_size(lanes);
  const std::int64_t tiles = (out.rows + lanes - 1) / lanes;
  const auto memory = allocate_lasting_memory(static_cast<std::size_t>(tiles * out.tile_size));
  auto* const bytes = reinterpret_cast<std::uint8_t*>(memory.get());
  if (out.rows % lanes != 0) {  // the rest of the last tile
    std::memset(bytes + (tiles - 1) * out.tile_size, 0, static_cast<std::size_t>(out.tile_size));
  }
  switch (weight.dtype()) {
    case DType::q4_0:
      interleave_rows<Q4_0Block>(weight, out, bytes);
      break;
    case DType::q4_1:
      interleave_rows<Q4_1Block>(weight, out, bytes);
      break;
    case DType::q5_0:
      interleave_rows<Q5_0Block>(weight, out, bytes);
      break;
    case DType::q5_1:
      interleave_rows<Q5_1Block>(weight, out, bytes);
      break;
    case DType::q8_0:
      interleave_rows<Q8_0Block>(weight, out, bytes);
      break;
    case DType::q4_k:
      interleave_rows<Q4_KBlock>(weight, out, bytes);
      break;
    case DType::q6_k:
      interleave_rows<Q6_KBlock>(weight, out, bytes);
      break;
    default:
      break;  // has no layout
  }
  out.tiles = memory.get();
  out.memory = memory;
  return out;
}

}  // namespace bantam::cpu
