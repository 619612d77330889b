// 32 rows at a time: their scores, weights and sums stay in a first-level cache.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS HWY_SSSE3
#define HWY_WANT_AVX3_DL  // CPUs with AMX have this target
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/amx_attention.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "bantam/tensor/cpu/amx_attention.h"
#include "bantam/tensor/cpu/amx_attention_pack.h"
#include "bantam/tensor/cpu/amx_instructions.h"
#include "bantam/tensor/cpu/amx_panels.h"
#include "bantam/tensor/cpu/amx_round-inl.h"

#ifndef BANTAM_TENSOR_CPU_AMX_ATTENTION_ONCE_
#define BANTAM_TENSOR_CPU_AMX_ATTENTION_ONCE_
namespace bantam::cpu {

// Scores [rows, kMostPieces * 32] of a block: those of a piece have 32 columns of their own.
struct ScoreBlock {
  static constexpr int kPieceKeys = kAmxDepth, kStride = AmxAttention::kMostPieces * kPieceKeys;
  const float* scores;
  int rows, pieces;
  bool whole;                                    // each row sees 32 keys of each piece
  const int (*seen)[AmxAttention::kMostPieces];  // else: of each piece, by each row
  int width;                                     // of sums
};

// exp(scores - maximum) of the keys that a row sees, as tiles [2][kMostPieces]; 0 for others. The
// products, of which none has to do with the block, are formed meanwhile. Rows that go on are
// relative to the maximum that they have, or what they have is made relative to a larger one.
using Weigh = void (*)(const ScoreBlock& block, bool go_on,
                       std::span<const AmxThread::Product> products, PartialRows rows,
                       std::uint16_t* tiles);

}  // namespace bantam::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3_DL && BANTAM_KNOWS_AMX
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::Full512<float> kFloats;
constexpr hn::Full512<std::uint16_t> kHalves;
constexpr int kLanes = 16;

// Lanes of a vector that a row sees, of each of kPieces pieces.
template <int kPieces>
struct Lanes {
  __mmask16 of[2 * kPieces];

  explicit Lanes(const int (&seen)[AmxAttention::kMostPieces]) {
    for (int v = 0; v < 2 * kPieces; ++v) {
      of[v] =
          static_cast<__mmask16>((1u << std::clamp(seen[v / 2] - v % 2 * kLanes, 0, kLanes)) - 1);
    }
  }
};

// A row's sums so far.
struct RowSums {
  float *outputs, &maximum, &sum;
  int width;

  void become_relative_to(float larger) {
    const float factor = std::exp(maximum - larger);
    for (int i = 0; i < width; ++i) outputs[i] *= factor;
    sum *= factor, maximum = larger;
  }
};

// By how much scores may exceed the maximum that weights are relative to: f32 and bf16 have as many
// digits of exp(16) as of 1, and it is rare that what is there has to change.
constexpr float kAboveMaximum = 16;

template <int kPieces, class Load, class Weight>
HWY_INLINE void weigh_row(Load load, Weight weight_of, bool goes_on, RowSums row,
                          std::uint16_t* to) {
  constexpr float kLog2OfE = 1.44269504f;
  SixteenFloats x[2 * kPieces];
  for (int v = 0; v < 2 * kPieces; ++v) x[v] = load(v);
  auto most = x[0];
  for (int v = 1; v < 2 * kPieces; ++v) most = hn::Max(most, x[v]);
  if (!goes_on) {
    row.maximum = hn::GetLane(hn::MaxOfLanes(kFloats, most));
  } else if (!hn::AllFalse(kFloats, hn::Gt(most, hn::Set(kFloats, row.maximum + kAboveMaximum)))) {
    row.become_relative_to(hn::GetLane(hn::MaxOfLanes(kFloats, most)));
  }
  const auto scale = hn::Set(kFloats, kLog2OfE), shift = hn::Set(kFloats, row.maximum * kLog2OfE);
  auto total = hn::Zero(kFloats);
  for (int v = 0; v < 2 * kPieces; ++v) {
    x[v] = weight_of(v, hn::MulSub(x[v], scale, shift));
    total = hn::Add(total, x[v]);
  }
  for (int piece = 0; piece < kPieces; ++piece, to += kAmxTile) {
    hn::StoreU(to_bf16(x[2 * piece], x[2 * piece + 1]), kHalves, to);
  }
  const float added = hn::GetLane(hn::SumOfLanes(kFloats, total));
  row.sum = goes_on ? row.sum + added : added;
}

HWY_INLINE void begin_without_keys(PartialRows rows, int row) {
  rows.maximum[row] = -std::numeric_limits<float>::infinity(), rows.sum[row] = 0;
}

template <int kPieces>
HWY_INLINE void weigh_row_of_block(const ScoreBlock& block, int row, bool goes_on, PartialRows rows,
                                   std::uint16_t* tiles) {
  const RowSums sums{rows.outputs + row * block.width, rows.maximum[row], rows.sum[row],
                     block.width};
  std::uint16_t* const to =
      tiles + row / kAmxRows * AmxAttention::kMostPieces * kAmxTile + row % kAmxRows * kAmxDepth;
  const float* const scores = block.scores + row * ScoreBlock::kStride;
  const auto load = [&](int v) HWY_ATTR { return hn::LoadU(kFloats, scores + v * kLanes); };
  if (block.whole) {
    weigh_row<kPieces>(
        load, [](int, SixteenFloats x) HWY_ATTR { return rough_power(x); }, goes_on, sums, to);
  } else if (block.seen[row][0] > 0) {
    const Lanes<kPieces> lanes(block.seen[row]);
    const auto unseen = hn::Set(kFloats, -std::numeric_limits<float>::max());
    weigh_row<kPieces>(
        [&](int v)
            HWY_ATTR { return hn::IfThenElse(hn::Mask512<float>{lanes.of[v]}, load(v), unseen); },
        [&](int v, SixteenFloats x) HWY_ATTR { return rough_power(x, lanes.of[v]); }, goes_on, sums,
        to);
  } else {
    if (!goes_on) begin_without_keys(rows, row);
    for (int piece = 0; piece < kPieces; ++piece) {
      hn::StoreU(hn::Zero(kHalves), kHalves, to + piece * kAmxTile);
    }
  }
}

HWY_INLINE void multiply(const AmxThread::Product& product) {
  amx::begin_sums(product.accumulate, product.sums, product.stride);
  for (std::int64_t tile = 0; tile < product.factors.tiles; ++tile) {
    amx::add_tiles<amx::Passing::y>(product.factors, tile);
  }
  amx::store_sums(product.sums, product.stride);
}

template <int kPieces>
void weigh_block(const ScoreBlock& block, bool go_on, std::span<const AmxThread::Product> products,
                 PartialRows rows, std::uint16_t* tiles) {
  std::size_t formed = 0;
  for (int row = 0; row < block.rows; ++row) {
    const std::size_t due =
        products.size() * static_cast<std::size_t>(row + 1) / static_cast<std::size_t>(block.rows);
    for (; formed < due; ++formed) multiply(products[formed]);
    if constexpr (kPieces > 0) {
      weigh_row_of_block<kPieces>(block, row, go_on, rows, tiles);
    } else if (!go_on) {
      begin_without_keys(rows, row);
    }
  }
}

void weigh(const ScoreBlock& block, bool go_on, std::span<const AmxThread::Product> products,
           PartialRows rows, std::uint16_t* tiles) {
  static_assert(AmxAttention::kMostPieces == 4);
  switch (block.pieces) {
    case 0:
      return weigh_block<0>(block, go_on, products, rows, tiles);
    case 1:
      return weigh_block<1>(block, go_on, products, rows, tiles);
    case 2:
      return weigh_block<2>(block, go_on, products, rows, tiles);
    case 3:
      return weigh_block<3>(block, go_on, products, rows, tiles);
    default:
      return weigh_block<4>(block, go_on, products, rows, tiles);
  }
}

Weigh find() { return weigh; }

#else

Weigh find() { return nullptr; }

#endif  // HWY_TARGET == HWY_AVX3_DL

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(find);

}  // namespace

bool attends_by_amx(int width) { return has_amx() && width % kAmxPair == 0; }

std::uint16_t* AmxAttention::queries_of(std::int64_t group) const {
  return packed_ + group * amx_pairs(rows()) * 2 * (rows_.width / kAmxDepth) * kAmxTile;
}

void AmxAttention::begin(const Rows& rows, std::int64_t groups) {
  rows_ = rows;
  packed_ =
      queries_.at_least<std::uint16_t>(groups * amx_pairs(this->rows()) * kAmxPair * rows.width);
}

void AmxAttention::set_queries(std::int64_t group, const float* q, std::int64_t stride) {
  amx_packs().queries({q, stride, rows_.queries, rows_.per_group, rows_.width, rows_.scale},
                      queries_of(group));
}

// Rows `first` … of a key head, at most a pair of blocks.
struct AmxAttention::Block {
  int first, rows, pieces;  // pieces: of which a row sees something
  bool whole = true;        // each row sees 32 keys of each piece
  int seen[kAmxPair][kMostPieces];

  Block(const Rows& of, int first_row, std::span<const AmxPiece> list)
      : first(first_row),
        rows(std::min(kAmxPair, of.queries * of.per_group - first_row)),
        pieces(static_cast<int>(list.size())) {
    const auto keys_of = [&](int row) {
      return of.seen[static_cast<std::size_t>((first + row) / of.per_group)];
    };
    // Later rows see more.
    while (pieces > 0 && keys_of(rows - 1) <= list[static_cast<std::size_t>(pieces - 1)].before) {
      --pieces;
    }
    list = list.first(static_cast<std::size_t>(pieces));
    for (const AmxPiece& piece : list) {
      whole &= piece.count == kAmxDepth && keys_of(0) >= piece.before + piece.count;
    }
    for (int row = 0; !whole && row < rows; ++row) {
      for (std::size_t piece = 0; piece < list.size(); ++piece) {
        seen[row][piece] = std::clamp(keys_of(row) - list[piece].before, 0, list[piece].count);
      }
    }
  }
};

void AmxAttention::attend(std::int64_t group, std::span<const AmxPiece> pieces,
                          const std::uint16_t* packed, const ChangeScores& change, PartialRows out,
                          bool go_on) {
  const int width = rows_.width;
  const std::int64_t of_width = width / kAmxDepth, list = of_width * kAmxTile;
  const std::uint16_t *const keys = packed, *const values = packed + amx_size_of_keys(width);
  auto* const weights = weights_.at_least<std::uint16_t>(2 * 2 * kAmxPieceList);
  constexpr std::int64_t kScores = kAmxPair * ScoreBlock::kStride;
  auto* const scores = scores_.at_least<float>(2 * kScores);
  auto* const last_sums = sums_.at_least<float>(kAmxPair * width);

  // Tiles multiply beside vectors: while a block is weighed, the scores of the next one and the
  // sums of the one before are formed.
  std::vector<AmxThread::Product>& products = products_;
  const auto add_scores = [&](const Block& block, std::int64_t number) {
    const std::uint16_t* const queries = queries_of(group) + 2 * number * list;
    for (int piece = 0; piece < block.pieces; ++piece) {
      const std::uint16_t* const of_piece = keys + piece * 2 * list;
      products.push_back({{{queries, queries + list}, {of_piece, of_piece + list}, of_width},
                          false,
                          scores + number % 2 * kScores + piece * ScoreBlock::kPieceKeys,
                          ScoreBlock::kStride});
    }
  };
  const auto add_sums = [&](const Block& block, std::int64_t number) {
    const std::uint16_t* const of_block = weights + number % 2 * 2 * kAmxPieceList;
    float* const sums =
        block.rows == kAmxPair ? out.outputs + std::int64_t{block.first} * width : last_sums;
    for (int e = 0; e < width; e += kAmxPair) {
      const std::uint16_t* const columns = values + e / kAmxRows * kAmxPieceList;
      products.push_back(
          {{{of_block, of_block + kAmxPieceList}, {columns, columns + kAmxPieceList}, block.pieces},
           go_on,
           sums + e,
           width});
    }
  };

  static const Weigh weigh = HWY_DYNAMIC_DISPATCH(find)();
  const AmxThread amx;
  const auto form = [&] {
    for (const AmxThread::Product& product : products) {
      amx.multiply(product.factors, product.accumulate, product.sums, product.stride);
    }
    products.clear();
  };
  const std::int64_t blocks = amx_pairs(rows());
  const auto block_at = [&](std::int64_t number) {
    return Block(rows_, static_cast<int>(number) * kAmxPair, pieces);
  };
  Block before = block_at(0), block = before, next = before;
  products.clear();
  add_scores(block, 0), form();
  for (std::int64_t number = 0; number < blocks; ++number) {
    if (number > 0) add_sums(before, number - 1);
    if (number + 1 < blocks) next = block_at(number + 1), add_scores(next, number + 1);
    float* const of_block = scores + number % 2 * kScores;
    for (int row = 0; change && row < block.rows; ++row) {
      for (int piece = 0; piece < block.pieces; ++piece) {
        const AmxPiece& of = pieces[static_cast<std::size_t>(piece)];
        change(block.first + row, of.before, block.whole ? of.count : block.seen[row][piece],
               of_block + row * ScoreBlock::kStride + piece * ScoreBlock::kPieceKeys);
      }
    }
    weigh({of_block, block.rows, block.pieces, block.whole, block.seen, width}, go_on, products,
          out.from(block.first, width), weights + number % 2 * 2 * kAmxPieceList);
    products.clear();
    before = block, block = next;
  }
  float* const of_last = out.outputs + std::int64_t{before.first} * width;
  const bool apart = before.rows < kAmxPair;  // tiles are whole
  if (apart && go_on) std::copy_n(of_last, before.rows * width, last_sums);
  add_sums(before, blocks - 1), form();
  if (apart) std::copy_n(last_sums, before.rows * width, of_last);
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
