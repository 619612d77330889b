// Relative bias (relative_bias.h) as the kernels of attention read it, row by row of scores.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/tensor/relative_bias.h"

namespace bantam::cpu {

/// Rows from `first` on of a gradient [.., H, B], in memory of their own; none when null.
struct BiasGradientRows {
  float* data = nullptr;
  std::int64_t first = 0;
};

class AttentionBias {
 public:
  AttentionBias(const RelativeBias& bias, std::int64_t heads);

  bool present() const { return by_query_.present() || by_key_.present(); }

  /// scores[s - low] += the bias of `query` and key s, for keys s in [low, high).
  void add(std::int32_t query, std::int64_t head, std::int32_t low, std::int32_t high,
           float* scores) const;
  /// The same for `count` keys of which the first is `distance` away and each next one 1 further.
  void add_in_order(std::int32_t query, std::int64_t head, std::int32_t distance,
                    std::int32_t count, float* scores) const;
  /// Adds gradients of scores to those of both sides.
  void add_gradients(std::int32_t query, std::int64_t head, std::int32_t low, std::int32_t high,
                     const float* d_scores, BiasGradientRows by_query,
                     BiasGradientRows by_key) const;

 private:
  // One side's rows [R, H, B].
  struct Side {
    explicit Side(const Tensor& table);
    bool present() const { return data != nullptr; }
    std::int64_t row(std::int64_t of) const { return is_shared ? 0 : of; }

    const float* data = nullptr;
    std::int64_t buckets = 0;
    bool is_shared = false;
  };
  std::int64_t place(const Side& side, std::int64_t row, std::int64_t head) const {
    return (row * heads_ + head) * side.buckets;
  }
  // What is added at each distance from bias_.least_distance on, for all queries alike.
  const float* shared_by_distance(std::int64_t head) const {
    return shared_.data() + head * std::ssize(bias_.buckets);
  }
  std::int32_t distance(std::int32_t query, std::int32_t key) const {
    return bias_.key_positions[static_cast<std::size_t>(key)] -
           bias_.query_positions[static_cast<std::size_t>(query)];
  }
  void add_shared(std::int64_t head, std::int32_t distance, std::int32_t count,
                  float* scores) const;

  const RelativeBias& bias_;
  std::int64_t heads_;
  Side by_query_, by_key_;
  std::vector<float> shared_;  // [H, distances] of by_query, where that is one row
};

}  // namespace bantam::cpu
