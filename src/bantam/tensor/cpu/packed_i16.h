// A factor of a product in 16-bit integers, as the inner loop of gemm_i16.cc reads it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace bantam::cpu {

// Whole groups of the most of k at a time: a panel of columns then stays in a first-level cache.
inline constexpr std::int64_t kMostDepth = 384;
inline constexpr std::int64_t kLargestGroup = 128;

/// Vectors along k: the rows of a, or the columns of b.
struct Vectors {
  const float* data;
  std::int64_t count, length, stride;
  bool contiguous;  // element l of vector v is data[v * stride + l], else data[l * stride + v]
};

/// A panel is some of the vectors, over one block of k. Each group of `group` elements of a vector
/// shares a scale; pairs of levels that are neighbors along k lie side by side.
struct PackedVectors {
  int width;                           // vectors of a panel
  std::int64_t length, depth, panels;  // depth of a block: whole groups
  std::int64_t group;                  // elements of a vector that share a scale
  std::int16_t* levels;                // [blocks][panels][depth / 2][width][2]
  float* scales;                       // [blocks][panels][depth / group][width]

  struct Panel {
    std::int16_t* levels;
    float* scales;
    std::int64_t begin, depth, group;  // along k
  };
  std::int64_t blocks() const { return (length + depth - 1) / depth; }
  Panel panel(std::int64_t block, std::int64_t index) const {
    const std::int64_t at = block * panels + index, begin = block * depth;
    return {levels + at * depth * width, scales + at * (depth / group) * width, begin,
            std::min(depth, length - begin), group};
  }
};

}  // namespace bantam::cpu
