// Shares the tiles of weights that meet the same x among threads.
#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bantam/base/file_pages.h"
#include "bantam/base/machine.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/interleaved_kernels.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/read_order.h"

namespace bantam::cpu {

bool multiplies_interleaved(DType dtype) { return interleaved_kernel(dtype).lanes > 0; }

RoundedRows::Wide rows_side_by_side() {
  const InterleavedKernel kernel = interleaved_kernel(DType::q8_0);
  return {kernel.lanes, kernel.vectors};
}

const InterleavedWeight& interleaved(const Tensor& weight) {
  return *static_cast<const InterleavedWeight*>(weight.kept_form([&] {
    const int lanes = interleaved_kernel(weight.dtype()).lanes;
    const auto form = std::make_shared<const InterleavedWeight>(interleave(weight, lanes));
    forget_file_pages(weight.bytes(), weight.byte_size());
    return form;
  }));
}

const InterleavedWeight* find_interleaved(const Tensor& weight) {
  return static_cast<const InterleavedWeight*>(weight.find_kept_form());
}

namespace {

// The rest of a second-level cache is for the tile and what the hardware reads ahead.
std::int64_t cache_for_x() {
  static const std::uint64_t level2 = cache_sizes().level2;
  return std::max<std::int64_t>(static_cast<std::int64_t>(level2) / 8 * 5, 192 << 10);
}

// One weight's share of the chunks that threads take.
struct Piece {
  InterleavedJob job;
  InterleavedKernel kernel;
  std::int64_t tiles, grain, first_chunk;

  const std::byte* chunk_begin(std::int64_t chunk) const {
    return job.tiles + (chunk - first_chunk) * grain * job.tile_size;
  }
  const std::byte* end() const { return job.tiles + tiles * job.tile_size; }
};

const Piece& piece_of(const std::vector<Piece>& pieces, std::int64_t chunk) {
  std::size_t index = pieces.size() - 1;
  while (pieces[index].first_chunk > chunk) --index;
  return pieces[index];
}

// What each thread reads first. More than it has time for while another computes what lies between
// two products would push out of its cache what it needs.
std::vector<ReadAhead> begins_of_threads(const std::vector<Piece>& pieces, std::int64_t chunks) {
  constexpr std::int64_t kMost = 256 << 10;
  std::vector<ReadAhead> begins;
  begins.reserve(ReadNext::kThreads);
  for (int thread = 0; thread < std::min(thread_count(), ReadNext::kThreads); ++thread) {
    const std::int64_t chunk = first_chunk_of(thread, chunks);
    const Piece& piece = piece_of(pieces, chunk);
    const std::byte* at = piece.chunk_begin(chunk);
    begins.push_back({at, std::min<std::int64_t>(piece.end() - at, kMost)});
  }
  return begins;
}

}  // namespace

void interleaved_products(const RoundedRows& x, std::span<const Tensor> weights,
                          std::span<Tensor> outs) {
  if (x.rows() == 0) return;
  std::vector<Piece> pieces;
  pieces.reserve(weights.size());
  std::int64_t chunks = 0;
  std::shared_ptr<ReadNext> next;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const InterleavedKernel kernel = interleaved_kernel(weights[i].dtype());
    const InterleavedWeight& kept = interleaved(weights[i]);
    // About 48 KiB of weight: enough to read in order for a while, small enough to balance.
    const std::int64_t grain = std::clamp<std::int64_t>((48 << 10) / kept.tile_size, 1, 32);
    const std::int64_t tiles = (kept.rows + kernel.lanes - 1) / kernel.lanes;
    const InterleavedJob job{
        x, kept.tiles, kept.tile_size, kept.rows, outs[i].data<float>(), cache_for_x()};
    pieces.push_back({job, kernel, tiles, grain, chunks});
    chunks += (tiles + grain - 1) / grain;
    if (i == 0) next = kept.next;
  }
  if (chunks == 0) return;
  // The product before this one, of the same caller.
  thread_local std::weak_ptr<ReadNext> before;
  if (const auto learner = before.lock()) learner->learn(begins_of_threads(pieces, chunks));
  before = next;
  parallel_for(
      chunks, 1,
      [&](std::int64_t chunk, std::int64_t) {
        const Piece& piece = piece_of(pieces, chunk);
        const std::int64_t first = (chunk - piece.first_chunk) * piece.grain;
        piece.kernel.tiles(piece.job, first, std::min(first + piece.grain, piece.tiles));
      },
      next->by_thread());
}

}  // namespace bantam::cpu
