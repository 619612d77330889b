// What the products of attention read: keys and values of a whole call, and the rows of a block of
// queries, as levels (attention_products.h) in the order in which they are read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/allocator.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/cpu/attention_products.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

/// `width` words, word e of which holds level e of two neighbors.
inline void join_neighbors(const std::int16_t* first, const std::int16_t* second, int width,
                           std::int32_t* words) {
  auto* halves = reinterpret_cast<std::int16_t*>(words);
  for (int e = 0; e < width; ++e) halves[2 * e] = first[e], halves[2 * e + 1] = second[e];
}

/// Keys or values x [R, G, E] as dots and mix read them, made once for all queries.
template <class Level>
class PackedRows {
 public:
  struct For {
    bool dots = false, mix = false;
  };
  PackedRows(const AttentionProducts<Level>& products, const Tensor& x, For use)
      : rows_(x.size(0)),
        groups_(x.size(1)),
        width_(static_cast<int>(x.size(2))),
        // Whole tiles of scores, so that what is read of scales exists.
        padded_((rows_ + kKeyTile - 1) / kKeyTile * kKeyTile),
        values_(x.data<float>()) {
    const std::int64_t words = groups_ * padded_ * width_ / kInWordOf<Level>;
    if (use.dots) tiles_ = room_for<Word<Level>>(words);
    if (use.mix && kJoinsNeighbors<Level>) neighbors_ = room_for<Word<Level>>(words);
    if (kJoinsNeighbors<Level>) scales_ = room_for<float>(groups_ * padded_);
    if (use.dots || kJoinsNeighbors<Level>) pack(products);
  }

  /// The tiles from `key`, a multiple of kFeatureTile, on.
  const Word<Level>* tiles(std::int64_t group, std::int32_t key) const {
    return tiles_ + words_before(group, key);
  }
  const float* scales(std::int64_t group, std::int32_t key) const {
    if (!kJoinsNeighbors<Level>) return nullptr;  // all are 1
    return scales_ + group * padded_ + key;
  }
  /// Rows first … last - 1 and, with levels, the neighbors of the outer two.
  WordRows<Level> rows(std::int64_t group, std::int32_t first, std::int32_t last) const {
    if constexpr (!kJoinsNeighbors<Level>) {
      return {values_ + (first * groups_ + group) * width_, groups_ * width_, last - first};
    } else {
      return {neighbors_ + words_before(group, first / 2 * 2), width_, (last + 1) / 2 - first / 2};
    }
  }

 private:
  std::int64_t words_before(std::int64_t group, std::int32_t key) const {
    return (group * padded_ + key) * width_ / kInWordOf<Level>;
  }
  template <class T>
  T* room_for(std::int64_t count) {
    memory_.push_back(allocate_tensor_memory(static_cast<std::size_t>(count) * sizeof(T)));
    return reinterpret_cast<T*>(memory_.back().get());
  }

  void pack(const AttentionProducts<Level>& products) {
    const std::int64_t tiles = (rows_ + kFeatureTile - 1) / kFeatureTile;
    parallel_for(tiles * groups_, 16, [&](std::int64_t begin, std::int64_t end) {
      std::vector<Level> levels(static_cast<std::size_t>(kFeatureTile) * width_);
      for (std::int64_t i = begin; i < end; ++i) {
        pack_tile(products, i % groups_, static_cast<std::int32_t>(i / groups_) * kFeatureTile,
                  levels.data());
      }
    });
  }

  void pack_tile(const AttentionProducts<Level>& products, std::int64_t group, std::int32_t first,
                 Level* levels) {
    const auto count = static_cast<int>(std::min<std::int64_t>(kFeatureTile, rows_ - first));
    if (count < kFeatureTile) std::fill_n(levels, kFeatureTile * width_, Level(0));
    for (int i = 0; i < count; ++i) {
      const float* row = values_ + ((first + i) * groups_ + group) * width_;
      const float scale = products.round(row, width_, levels + i * width_);
      if (kJoinsNeighbors<Level>) scales_[group * padded_ + first + i] = scale;
    }
    if (tiles_ != nullptr) {
      const int of_row = width_ / kInWordOf<Level>;
      const auto* from = reinterpret_cast<const Word<Level>*>(levels);
      Word<Level>* to = tiles_ + words_before(group, first);
      for (int word = 0; word < of_row; ++word) {
        for (int i = 0; i < kFeatureTile; ++i) *to++ = from[i * of_row + word];
      }
    }
    if constexpr (kJoinsNeighbors<Level>) {
      if (neighbors_ == nullptr) return;
      Word<Level>* to = neighbors_ + words_before(group, first);
      for (int i = 0; i < kFeatureTile; i += 2, to += width_) {
        join_neighbors(levels + i * width_, levels + (i + 1) * width_, width_, to);
      }
    }
  }

  std::int64_t rows_, groups_;
  int width_;
  std::int64_t padded_;
  const float* values_;
  std::vector<std::shared_ptr<std::byte>> memory_;
  Word<Level>* tiles_ = nullptr;      // [G][tiles][E / kInWordOf][kFeatureTile]
  Word<Level>* neighbors_ = nullptr;  // [G][rows / 2][E]
  float* scales_ = nullptr;           // [G][rows]
};

/// The rows of one head group in a block of queries: as rows of dots and, where asked for, as what
/// mix adds up.
template <class Level>
class BlockRows {
 public:
  BlockRows() = default;
  BlockRows(const AttentionProducts<Level>& products, const AttentionProblem& problem,
            const float* from, const QueryBlock& block, std::int64_t group, bool for_mix)
      : width_(problem.width), rows_((block.end - block.begin) * problem.per_group) {
    // A row of zeros is the neighbor of the last of an odd number.
    levels_.resize(static_cast<std::size_t>(rows_ + rows_ % kInWordOf<Level>) * width_);
    scales_.resize(static_cast<std::size_t>(rows_));
    for (int i = 0; i < rows_; ++i) {
      const std::int64_t at = problem.query_offset(block.begin + i / problem.per_group, group);
      scales_[i] = products.round(from + at + i % problem.per_group * width_, width_, level(i));
    }
    if constexpr (kJoinsNeighbors<Level>) {
      if (!for_mix) return;
      neighbors_.resize(levels_.size() / 2);
      for (int i = 0; i < rows_; i += 2) {
        join_neighbors(level(i), level(i + 1), width_, neighbors_.data() + i / 2 * width_);
      }
    }
  }

  int count() const { return rows_; }
  const Level* levels(int row) const { return levels_.data() + row * width_; }
  const float* scales(int row) const { return scales_.data() + row; }
  WordRows<Level> rows() const {
    if constexpr (kJoinsNeighbors<Level>) {
      return {neighbors_.data(), width_, (rows_ + 1) / 2};
    } else {
      return {levels_.data(), width_, rows_};
    }
  }

 private:
  Level* level(int row) { return levels_.data() + row * width_; }

  int width_ = 0, rows_ = 0;
  std::vector<Level> levels_;
  std::vector<float> scales_;
  std::vector<Word<Level>> neighbors_;
};

/// The span of keys whose scores a run of queries takes: those that it sees and what fills their
/// tiles.
struct ScoreSpan : SeenKeys {
  explicit ScoreSpan(const SeenKeys& seen)
      : SeenKeys(seen),
        begin(low / kFeatureTile * kFeatureTile),
        tiles((high - begin + kFeatureTile - 1) / kFeatureTile) {}
  std::int32_t end() const { return begin + tiles * kFeatureTile; }
  int count() const { return tiles * kFeatureTile; }
  /// Where the scores begin in a row of kKeyTile.
  int place() const { return begin % kKeyTile; }

  std::int32_t begin;
  int tiles;
};

/// values of the span, each a key's, become `value` where `query` does not see that key or other
/// tiles take it.
inline void hide(const Visibility& visibility, std::int32_t query, const ScoreSpan& span,
                 float value, float* values) {
  const auto fill = [&](std::int32_t from, std::int32_t to) {
    std::fill(values + (from - span.begin), values + (to - span.begin), value);
  };
  fill(span.begin, span.low);
  if (!span.by_all) for_each_hidden(visibility, query, span.low, span.high, fill);
  fill(span.high, span.end());
}

/// Calls f(products) with those in the type that attention_precision() and the size of the problem
/// ask for.
template <class F>
auto with_products(const AttentionProblem& problem, F f) {
  const AttentionProducts<std::int16_t>* levels = attention_products_i16();
  const bool fits = problem.width <= kMostLevelWidth && problem.per_group <= kMostColumnRows;
  // What tiles of bf16 do not take is rounded finer.
  const bool rounds = attention_precision() != MatmulPrecision::f32;
  if (levels != nullptr && fits && rounds && rounding_pays(problem.visibility)) {
    return f(*levels);
  }
  return f(attention_products_f32());
}

}  // namespace bantam::cpu
