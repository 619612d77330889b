// What the backward pass of attention shares with its products by AMX.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/tensor/cpu/attention_bias.h"
#include "bantam/tensor/cpu/attention_problem.h"
#include "bantam/tensor/tensor.h"

namespace bantam::cpu {

struct AttentionGradientProblem : AttentionProblem {
  using AttentionProblem::AttentionProblem;
  const float* d_output = nullptr;
  const float* log_sum_exp = nullptr;
  const float* mean = nullptr;  ///< [T, H] d_output · output, the mean of dp under p
  float *d_key = nullptr, *d_value = nullptr;
};

/// A range of keys, which begins at a multiple of kKeyTile, and the query blocks that see some of
/// them.
struct KeyChunk {
  std::int32_t begin = 0, end = 0;
  std::vector<std::size_t> blocks;
  std::int32_t first_query = 0, last_query = 0;  ///< of the blocks
};

/// Rows that one chunk of keys adds to a gradient, from the row `first` on.
struct PartialGradient {
  std::int64_t first = 0;
  Tensor rows;
  BiasGradientRows bias_rows() { return {rows.defined() ? rows.data<float>() : nullptr, first}; }
};

}  // namespace bantam::cpu
