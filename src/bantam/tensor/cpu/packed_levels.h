// A factor of a product in integers, as the inner loop of gemm_integers.cc reads it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace bantam::cpu {

// Whole groups of the most of k at a time: a panel of columns then stays in a first-level cache.
inline constexpr std::int64_t kMostDepthBytes = 768;
inline constexpr std::int64_t kLargestGroup = 128;

/// Vectors along k: the rows of a, or the columns of b.
struct Vectors {
  const float* data;
  std::int64_t count, length, stride;
  bool contiguous;  // element l of vector v is data[v * stride + l], else data[l * stride + v]
};

/// A panel is some of the vectors, over one block of k. Each group of `group` elements of a vector
/// shares a scale. A word of 32 bits holds the levels of neighbors along k: two or four.
struct PackedVectors {
  int width;                           // vectors of a panel
  int in_word;                         // levels of a word
  std::int64_t length, depth, panels;  // depth of a block: whole groups
  std::int64_t group;                  // elements of a vector that share a scale
  std::int32_t* words;                 // [blocks][panels][depth / in_word][width]
  float* scales;                       // [blocks][panels][depth / group][width]
  // Where a row's levels are moved up to be positive, what that adds to a dot product, negated; of
  // columns alone, like scales.
  std::int32_t* corrections;

  struct Panel {
    std::int32_t* words;
    float* scales;
    std::int32_t* corrections;
    std::int64_t begin, depth, group;  // along k
  };
  std::int64_t blocks() const { return (length + depth - 1) / depth; }
  Panel panel(std::int64_t block, std::int64_t index) const {
    const std::int64_t at = block * panels + index, begin = block * depth;
    const std::int64_t of_groups = at * (depth / group) * width;
    return {words + at * (depth / in_word) * width,
            scales + of_groups,
            corrections == nullptr ? nullptr : corrections + of_groups,
            begin,
            std::min(depth, length - begin),
            group};
  }
};

}  // namespace bantam::cpu
