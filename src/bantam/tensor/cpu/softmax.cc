#include "bantam/tensor/cpu/softmax.h"

#include <limits>

#include "bantam/tensor/cpu/loops.h"
#include "bantam/tensor/cpu/vector_math.h"

namespace bantam::cpu {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

}  // namespace

Tensor softmax(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  const float* values = x.data<float>();
  float* out = y.data<float>();
  for_each_row(x.shape(), [=](std::int64_t first, std::int64_t width) {
    const float* in = values + first;
    float* result = out + first;
    const float largest = max_row(in, width);
    if (largest == kLowest) {
      // Only -infinity, unless there are NaNs, which pass through.
      for (std::int64_t i = 0; i < width; ++i) result[i] = in[i] == kLowest ? 0.0f : in[i];
      return;
    }
    const double sum = exp_and_sum_row(in, largest, result, width);
    const auto factor = static_cast<float>(1.0 / sum);
    for (std::int64_t i = 0; i < width; ++i) result[i] *= factor;
  });
  return y;
}

Tensor softmax_backward(const Tensor& y, const Tensor& dy) {
  Tensor dx = Tensor::empty(y.shape());
  const float *values = y.data<float>(), *gradient = dy.data<float>();
  float* out = dx.data<float>();
  for_each_row(y.shape(), [=](std::int64_t first, std::int64_t width) {
    const float *p = values + first, *g = gradient + first;
    float* result = out + first;
    for (std::int64_t i = 0; i < width; ++i) result[i] = p[i] * g[i];
    const auto total = static_cast<float>(sum_row(result, width));
    for (std::int64_t i = 0; i < width; ++i) result[i] -= p[i] * total;
  });
  return dx;
}

}  // namespace bantam::cpu
