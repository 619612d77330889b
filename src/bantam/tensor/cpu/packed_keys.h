// Keys and values that blocks of queries see, as tiles of AMX: where several blocks see the same
// ones, they are packed once for all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bantam/tensor/cpu/amx_attention.h"
#include "bantam/tensor/cpu/paged_blocks.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// The pieces of a chunk as AmxAttention takes them.
class AmxPieces {
 public:
  explicit AmxPieces(std::span<const Piece> pieces);
  std::span<const AmxPiece> list() const { return std::span(list_).first(count_); }

 private:
  static_assert(kChunkPieces <= AmxAttention::kMostPieces);
  std::array<AmxPiece, kChunkPieces> list_;
  std::size_t count_;
};

class PackedKeys {
 public:
  /// Packs them on the team, where the problem is one of tiles. Takes as much memory as the keys
  /// and values themselves.
  PackedKeys(const PagedProblem& problem, const std::vector<PagedBlock>& blocks);

  /// As AmxAttention takes them, those of a chunk or more; holds until the thread's next call.
  const std::uint16_t* at(const PagedBlock& block, std::int32_t chunk, std::int64_t group) const;

 private:
  const PagedProblem& problem_;
  std::int64_t size_ = 0;             // of a chunk of one key head
  std::vector<std::int64_t> places_;  // of each list that blocks begin; below 0: not packed here
  Tensor memory_;
};

}  // namespace bantam::cpu
