// Biases of attention scores by distance, one learned number a bucket and head, which all layers of
// a stack share (T5, arXiv:1910.10683, section 2.1).
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/nn/attention_plan.h"
#include "bantam/tensor/relative_bias.h"

namespace bantam {

struct RelativePart {
  std::int64_t buckets = 0;       ///< 0: no such biases
  std::int64_t max_distance = 0;  ///< distances from here on share the last bucket

  /// Near distances have a bucket each, farther ones share buckets that widen with the logarithm.
  /// Of keys behind the query, or with `bidirectional` half of the buckets for either side.
  std::vector<std::int32_t> bucket_list(bool bidirectional) const;
  /// For the tokens of a plan, as queries and as keys; the numbers themselves are not filled in.
  RelativeBias bias(bool bidirectional, const AttentionPlan& plan) const;
};

}  // namespace bantam
