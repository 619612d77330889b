#include "bantam/tensor/cpu/attention_problem.h"

#include "bantam/base/threads.h"

namespace bantam::cpu {
namespace {

std::int64_t padded_width(std::int64_t width) {
  return (width + kTileWidthUnit - 1) / kTileWidthUnit * kTileWidthUnit;
}

}  // namespace

Tensor padded(const Tensor& x) {
  const std::int64_t width = x.size(2), wide = padded_width(width);
  if (wide == width) return x;
  Tensor out = Tensor::zeros({x.size(0), x.size(1), wide});
  for (std::int64_t row = 0; row < x.size(0) * x.size(1); ++row) {
    std::copy_n(x.data<float>() + row * width, width, out.data<float>() + row * wide);
  }
  return out;
}

Tensor without_padding(const Tensor& x, std::int64_t width) {
  if (x.size(2) == width) return x;
  Tensor out = Tensor::empty({x.size(0), x.size(1), width});
  for (std::int64_t row = 0; row < x.size(0) * x.size(1); ++row) {
    std::copy_n(x.data<float>() + row * x.size(2), width, out.data<float>() + row * width);
  }
  return out;
}

ByFeature::ByFeature(const Tensor& x) {
  constexpr std::int64_t kKeys = kTileWidthUnit, kMostTilesRead = 4;
  const std::int64_t rows = x.size(0), groups = x.size(1), width = x.size(2);
  const std::int64_t tiles = (rows + kKeys - 1) / kKeys;
  size_of_group_ = (tiles + kMostTilesRead - 1) * kKeys * width;
  memory_ = Tensor::empty({groups * size_of_group_});
  const float* from = x.data<float>();
  float* to = memory_.data<float>();
  parallel_for(tiles * groups, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t group = i % groups, first = i / groups * kKeys;
      const std::int64_t count = std::min(kKeys, rows - first);
      const float* row = from + (first * groups + group) * width;
      float* tile = to + group * size_of_group_ + first * width;
      for (std::int64_t e = 0; e < width; ++e) {
        for (std::int64_t key = 0; key < count; ++key) {
          tile[e * kKeys + key] = row[key * groups * width + e];
        }
      }
    }
  });
}

}  // namespace bantam::cpu
