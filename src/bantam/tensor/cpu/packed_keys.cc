#include "bantam/tensor/cpu/packed_keys.h"

#include <algorithm>

#include "bantam/base/threads.h"

namespace bantam::cpu {

AmxPieces::AmxPieces(std::span<const Piece> pieces) : count_(pieces.size()) {
  std::ranges::transform(pieces, list_.begin(), [](const Piece& piece) {
    return AmxPiece{piece.row % static_cast<int>(kPageRows), piece.count, piece.before};
  });
}

namespace {

// A chunk of one key head.
void pack(const PagedProblem& problem, std::span<const Piece> chunk, std::int64_t group,
          std::uint16_t* packed) {
  const auto* const pages = problem.pages.data<std::uint16_t>();
  std::array<AmxPage, kChunkPieces> list;
  std::ranges::transform(chunk, list.begin(), [&](const Piece& piece) {
    return AmxPage{pages + problem.plane(piece, PageSide::keys, group),
                   pages + problem.plane(piece, PageSide::values, group)};
  });
  AmxAttention::pack(AmxPieces(chunk).list(), std::span(list).first(chunk.size()), problem.width,
                     packed);
}

}  // namespace

PackedKeys::PackedKeys(const PagedProblem& problem, const std::vector<PagedBlock>& blocks) {
  if (!problem.by_tiles) return;
  groups_ = problem.groups;
  size_ = AmxAttention::packed_size(problem.width);
  struct Chunk {
    const PagedBlock& block;
    std::int32_t number;
  };
  std::vector<Chunk> chunks;
  places_.resize(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].list != i) continue;
    places_[i] = std::ssize(chunks) * groups_;
    for (std::int32_t c = 0; c < blocks[i].chunks(); ++c) chunks.push_back({blocks[i], c});
  }
  memory_ = Tensor::empty({std::ssize(chunks) * groups_ * size_}, DType::bf16);
  auto* const memory = memory_.data<std::uint16_t>();
  parallel_for(std::ssize(chunks) * groups_, 1, [&](std::int64_t place, std::int64_t) {
    const auto& [block, number] = chunks[static_cast<std::size_t>(place / groups_)];
    pack(problem, block.chunk(number), place % groups_, memory + place * size_);
  });
}

const std::uint16_t* PackedKeys::at(const PagedBlock& block, std::int32_t chunk,
                                    std::int64_t group) const {
  return memory_.data<std::uint16_t>() + (places_[block.list] + chunk * groups_ + group) * size_;
}

}  // namespace bantam::cpu
