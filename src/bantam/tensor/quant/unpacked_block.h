// Blocks taken apart: the form in which all formats with small levels look the same.
//
// A format that uses it gives, in its file,
//   Block::kGroup        elements that share a scale, a multiple of 16
//   Block::kHasOffset    whether groups have an offset as well
//   unpack(block, out)   which fills an UnpackedBlock<Block>
// and cpu/decode.cc does the rest. A format whose levels half a byte names gives, instead,
//   Block::kLevelTable          its 16 levels
//   Block::kRun, block.levels   bytes [kElements / 2] in runs: byte i of a run names elements i
//                               (low half) and i + kRun (high half) of its 2 kRun elements
//   unpack_scales(block, out)   the rest
#pragma once

#include <bit>
#include <cstdint>

namespace bantam {

static_assert(std::endian::native == std::endian::little, "blocks are used as files hold them");

/// Element i is scales[i / kGroup] * levels[i], plus offsets[i / kGroup] where the format has
/// offsets: one product and one sum, each rounded to f32, as ggml's scalar code has them.
template <class Block>
struct UnpackedBlock {
  static constexpr int kGroups = Block::kElements / Block::kGroup;
  float scales[kGroups];
  float offsets[Block::kHasOffset ? kGroups : 1];
  alignas(32) std::int8_t levels[Block::kElements];
};

template <class Block>
concept Unpackable = requires {
  Block::kGroup;
};
template <class Block>
concept HasLevelTable = requires {
  Block::kLevelTable;
};

}  // namespace bantam
