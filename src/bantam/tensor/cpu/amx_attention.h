// Attention of passages over pages of keys and values (ops/paged_attention.h) by AMX: queries,
// keys, weights and values are rounded to bf16, sums and the exponential stay f32.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/tensor/cpu/amx_panels.h"

namespace bantam::cpu {

/// True where AmxAttention takes heads of this width on this CPU.
bool attends_by_amx(int width);

/// Rows of queries that share a key head, over some pages: scores of one after the other, then sums
/// of their values. A row's results depend on the row and the pages alone.
class AmxAttention {
 public:
  /// Pages that may be added before their sums are taken.
  static constexpr std::int64_t kMostPages = 4;

  /// q [rows, width], multiplied by `scale` before it is rounded.
  void set_queries(const float* q, int rows, int width, float scale);
  /// Rows of scores that are written: whole pairs of tiles.
  static std::int64_t padded_rows(std::int64_t rows) { return amx_pairs(rows) * kAmxPair; }

  /// scores [padded_rows(), 32], `stride` apart, of the keys of a page from `first` on; those from
  /// the end of the page on are of nothing. keys: [width / 4][32][4] f16.
  void scores(const std::uint16_t* keys, int first, float* scores, std::int64_t stride);

  /// Adds weights [rows, count], `stride` apart, times values [count, width] f16.
  void add(const float* weights, std::int64_t stride, const std::uint16_t* values, int count);
  /// out [rows, width] = what was added since the last time.
  void take_sums(float* out);

 private:
  int rows_ = 0, width_ = 0;
  std::int64_t added_ = 0;  // pages
  std::vector<std::uint16_t> memory_;
  std::vector<float> sums_;
  std::uint16_t *queries_ = nullptr, *keys_ = nullptr, *weights_ = nullptr, *values_ = nullptr;
};

}  // namespace bantam::cpu
