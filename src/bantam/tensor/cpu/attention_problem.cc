#include "bantam/tensor/cpu/attention_problem.h"

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

}  // namespace bantam::cpu
