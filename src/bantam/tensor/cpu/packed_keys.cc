#include "bantam/tensor/cpu/packed_keys.h"

#include <algorithm>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/scratch.h"

namespace bantam::cpu {

AmxPieces::AmxPieces(std::span<const Piece> pieces) : count_(pieces.size()) {
  std::ranges::transform(pieces, list_.begin(), [](const Piece& piece) {
    return AmxPiece{piece.row % static_cast<int>(kPageRows), piece.count, piece.before};
  });
}

namespace {

// Blocks of one list for which it is packed for all. For fewer, what a thread packs itself is in
// its cache, and costs less than to have it from another one's.
constexpr int kFewestBlocks = 3;

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

PackedKeys::PackedKeys(const PagedProblem& problem, const std::vector<PagedBlock>& blocks)
    : problem_(problem) {
  if (!problem.by_tiles) return;
  const std::int64_t groups = problem.groups;
  std::vector<int> of_list(blocks.size());
  for (const PagedBlock& block : blocks) ++of_list[block.list];
  size_ = AmxAttention::packed_size(problem.width);
  struct Chunk {
    const PagedBlock& block;
    std::int32_t number;
  };
  std::vector<Chunk> chunks;
  places_.resize(blocks.size(), -1);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (of_list[i] < kFewestBlocks) continue;
    places_[i] = std::ssize(chunks) * groups;
    for (std::int32_t c = 0; c < blocks[i].chunks(); ++c) chunks.push_back({blocks[i], c});
  }
  if (chunks.empty()) return;
  memory_ = Tensor::empty({std::ssize(chunks) * groups * size_}, DType::bf16);
  auto* const memory = memory_.data<std::uint16_t>();
  parallel_for(std::ssize(chunks) * groups, 1, [&](std::int64_t place, std::int64_t) {
    const auto& [block, number] = chunks[static_cast<std::size_t>(place / groups)];
    pack(problem, block.chunk(number), place % groups, memory + place * size_);
  });
}

const std::uint16_t* PackedKeys::at(const PagedBlock& block, std::int32_t chunk,
                                    std::int64_t group) const {
  const std::int64_t place = places_[block.list];
  if (place < 0) {
    thread_local Scratch own;
    auto* const packed = own.at_least<std::uint16_t>(size_);
    pack(problem_, block.chunk(chunk), group, packed);
    return packed;
  }
  return memory_.data<std::uint16_t>() + (place + chunk * problem_.groups + group) * size_;
}

}  // namespace bantam::cpu
