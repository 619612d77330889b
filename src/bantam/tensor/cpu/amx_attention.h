// Attention of passages over pages of keys and values (ops/paged_attention.h) by AMX: queries,
// keys, weights and values are rounded to bf16, sums and the exponential stay f32.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/attention_tiles.h"
#include "bantam/tensor/cpu/scratch.h"

namespace bantam::cpu {

/// True where AmxAttention takes heads of this width on this CPU.
bool attends_by_amx(int width);

/// Some keys of a page.
struct AmxPiece {
  int first, count;
  std::int32_t before;  ///< keys that precede
};
/// The pages of a key head that they and their values lie in, in f16.
struct AmxPage {
  const std::uint16_t *keys,  ///< [width / 4][32][4]
      *values;                ///< [32, width]
};

/// Queries that see the beginnings of one list of keys, and some key heads: a row is a query and
/// one of the heads that share a key head. A row's results depend on the row and the keys alone.
class AmxAttention {
 public:
  /// Keys that are attended at once.
  static constexpr int kMostPieces = 4;

  /// What keys and values of so many pieces take as tiles, in elements.
  static std::int64_t packed_size(int width);
  /// Packs pieces of as many pages.
  static void pack(std::span<const AmxPiece> pieces, std::span<const AmxPage> pages, int width,
                   std::uint16_t* packed);

  struct Rows {
    int queries, per_group, width;
    std::span<const std::int32_t> seen;  ///< keys that each query sees, ascending
    float scale;                         ///< of scores
  };
  /// Begins with rows of so many key heads, whose queries are to be set.
  void begin(const Rows& rows, std::int64_t groups);
  /// q: of the first query, [per_group, width], and `stride` floats further of the next one.
  void set_queries(std::int64_t group, const float* q, std::int64_t stride);

  /// Changes scores of a row, those of keys `first` … first + count.
  using ChangeScores = std::function<void(int row, std::int32_t first, int count, float* scores)>;
  /// Fills rows with what they sum over pieces, which the packed ones begin with, or adds that to
  /// what they go on from; `change` may be empty.
  void attend(std::int64_t group, std::span<const AmxPiece> pieces, const std::uint16_t* packed,
              const ChangeScores& change, PartialRows out, bool go_on);

 private:
  struct Block;
  std::int64_t rows() const { return std::int64_t{rows_.queries} * rows_.per_group; }
  std::uint16_t* queries_of(std::int64_t group) const;

  Rows rows_{};
  std::vector<AmxThread::Product> products_;
  Scratch queries_, weights_, scores_, sums_;
  std::uint16_t* packed_ = nullptr;  // [groups][pairs of blocks of 16 rows][2][width / 32] tiles
};

}  // namespace bantam::cpu
