// How weights of the model lie in the tensors of files: several in one, experts in a stack, a
// tensor for each row, rows in the order of interleaved rotation, tables without rows that no token
// reads.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/model/architecture.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

struct RowRange {
  std::int64_t begin = 0, end = 0;
};
/// Where a weight of a layer begins and ends in a tensor of a file that has `rows`.
RowRange rows_in_file(const WeightName& entry, const DecoderConfig& config, int layer,
                      std::int64_t rows);

/// Parts [n, ..] one behind the other: [sum of n, ..], in the type that all have, else in f32.
Tensor joined_rows(std::vector<Tensor> parts);
/// Tensors of one shape as one with another axis in front.
Tensor stacked(const std::vector<Tensor>& tensors);

/// `count` rows of zeros in front of those of a table, in f32.
Tensor with_rows_in_front(const Tensor& table, std::int64_t count);

/// Rows of a query or key weight [heads * E, K] of any type, from two halves a head (HF) to
/// interleaved pairs (GGUF's llama) or back.
Tensor interleave_rotation(const Tensor& weight, std::int64_t heads);
Tensor deinterleave_rotation(const Tensor& weight, std::int64_t heads);

}  // namespace bantam
