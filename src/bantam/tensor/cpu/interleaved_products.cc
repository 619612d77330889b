// Shares the tiles of weights that meet the same x among threads.
#include <algorithm>
#include <array>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

#include "bantam/base/file_pages.h"
#include "bantam/base/machine.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/interleaved_kernels.h"
#include "bantam/tensor/cpu/interleaved_weight.h"
#include "bantam/tensor/cpu/read_order.h"
#include "bantam/tensor/cpu/weight_portions.h"

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

// A weight in the list of all bytes that threads share.
struct Piece {
  InterleavedJob job;
  InterleavedKernel kernel;
  std::int64_t tiles, first_byte;

  std::int64_t bytes() const { return tiles * job.tile_size; }
  // The first tile that begins at a byte of the list or after it.
  std::int64_t tile_at(std::int64_t byte) const {
    const std::int64_t within = std::clamp<std::int64_t>(byte - first_byte, 0, bytes());
    return (within + job.tile_size - 1) / job.tile_size;
  }
};

// Multiplies the tiles that begin between two bytes of the list.
void multiply_tiles(std::span<const Piece> pieces, std::int64_t begin, std::int64_t end) {
  for (const Piece& piece : pieces) {
    if (end <= piece.first_byte || begin >= piece.first_byte + piece.bytes()) continue;
    const std::int64_t first = piece.tile_at(begin), last = piece.tile_at(end);
    if (first < last) piece.kernel.tiles(piece.job, first, last);
  }
}

// What lies between two bytes of the list, of the first weights.
ReadAhead memory_of(std::span<const Piece> pieces, std::int64_t begin, std::int64_t end) {
  ReadAhead out{};
  std::size_t count = 0;
  for (const Piece& piece : pieces) {
    const std::int64_t from = std::max(begin, piece.first_byte),
                       to = std::min(end, piece.first_byte + piece.bytes());
    if (from >= to) continue;
    out.parts[count++] = {piece.job.tiles + (from - piece.first_byte), to - from};
    if (count == std::size(out.parts)) break;
  }
  return out;
}

using HelperLists = std::array<ReadAhead, ReadNext::kHelpers>;

// What helpers read first, in room for it.
std::span<ReadAhead> begins_of_helpers(std::span<const Piece> pieces,
                                       const WeightPortions& portions, HelperLists& room) {
  const int helpers = std::min(loop_shares() - 1, ReadNext::kHelpers);
  for (int helper = 0; helper < helpers; ++helper) {
    const std::int64_t share = helper + 1, begin = portions.begin(share * portions.of_share()),
                       end = portions.begin((share + 1) * portions.of_share());
    room[static_cast<std::size_t>(helper)] =
        memory_of(pieces, begin, std::min(end, begin + ReadOrder::kMostBytes));
  }
  return std::span(room).first(static_cast<std::size_t>(helpers));
}

}  // namespace

void interleaved_products(const RoundedRows& x, std::span<const InterleavedProduct> products) {
  if (x.rows() == 0) return;
  // One token has some hundred products, between which every microsecond counts: no memory is
  // asked for.
  std::array<std::byte, 4 * sizeof(Piece)> room;
  std::pmr::monotonic_buffer_resource memory_of_pieces(room.data(), room.size());
  std::pmr::vector<Piece> pieces(&memory_of_pieces);
  pieces.reserve(products.size());
  std::int64_t bytes = 0;
  for (const auto& [weight, out] : products) {
    const InterleavedKernel kernel = interleaved_kernel(weight.dtype);
    const std::int64_t tiles = (weight.rows + kernel.lanes - 1) / kernel.lanes;
    const InterleavedJob job{x, weight.tiles, weight.tile_size, weight.rows, out, cache_for_x()};
    pieces.push_back({job, kernel, tiles, bytes});
    bytes += pieces.back().bytes();
  }
  if (bytes == 0) return;
  const WeightPortions portions(bytes);
  HelperLists room_of_begins, room_of_following;
  const std::span<const ReadAhead> begins = begins_of_helpers(pieces, portions, room_of_begins);
  thread_local ReadOrder order;
  const std::shared_ptr<ReadNext>& next = products.front().weight.next;
  order.add(next, begins);
  const std::span<ReadAhead> following = std::span(room_of_following).first(begins.size());
  next->tell(following);
  parallel_for(
      portions.count(), 1,
      [&](std::int64_t portion, std::int64_t) {
        multiply_tiles(pieces, portions.begin(portion), portions.begin(portion + 1));
      },
      following);
}

}  // namespace bantam::cpu
