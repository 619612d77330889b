// Root-mean-square normalization, forward and backward, one pass over each row.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/rms_norm.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/cpu/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

float sum_of_squares(const float* x, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + lanes);
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < count; ++i) sum += x[i] * x[i];
  return sum;
}

float inverse_rms(const float* x, std::int64_t width, float epsilon) {
  const float mean = sum_of_squares(x, width) / static_cast<float>(width);
  return 1.0f / std::sqrt(mean + epsilon);
}

void forward_row(const float* x, const float* weight, std::int64_t width, float epsilon, float* y) {
  const float inverse = inverse_rms(x, width, epsilon);
  for_each_vector(width, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto normal = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse));
    hn::StoreU(hn::Mul(normal, hn::LoadU(d, weight + i)), d, y + i);
  });
}

// With n = x r (r = 1 / rms) and g = dy w: dx = r (g - n mean(g n)); dweight += dy n.
// r is computed again: keeping it would cost every row of an answer, too.
void backward_row(const float* dy, const float* x, const float* weight, std::int64_t width,
                  float epsilon, float* dx, float* dweight) {
  const float inverse = inverse_rms(x, width, epsilon);
  const hn::ScalableTag<float> dv;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(dv));
  auto products = hn::Zero(dv);
  std::int64_t k = 0;
  for (; k + lanes <= width; k += lanes) {
    const auto g = hn::Mul(hn::LoadU(dv, dy + k), hn::LoadU(dv, weight + k));
    products = hn::MulAdd(g, hn::LoadU(dv, x + k), products);
  }
  float sum = hn::GetLane(hn::SumOfLanes(dv, products));
  for (; k < width; ++k) sum += dy[k] * weight[k] * x[k];
  const float pull = sum * inverse * inverse / static_cast<float>(width);  // mean(g n) * r
  for_each_vector(width, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto dout = hn::LoadU(d, dy + i), value = hn::LoadU(d, x + i);
    const auto g = hn::Mul(dout, hn::LoadU(d, weight + i));
    const auto centered = hn::NegMulAdd(value, hn::Set(d, pull), g);
    hn::StoreU(hn::Mul(centered, hn::Set(d, inverse)), d, dx + i);
    if (dweight != nullptr) {
      const auto normal = hn::Mul(value, hn::Set(d, inverse));
      hn::StoreU(hn::MulAdd(dout, normal, hn::LoadU(d, dweight + i)), d, dweight + i);
    }
  });
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(inverse_rms);
HWY_EXPORT(forward_row);
HWY_EXPORT(backward_row);

// Rows a thread takes at a time; also the rows whose weight gradients are summed together, so it
// must not depend on the number of threads.
constexpr std::int64_t kRows = 32;

}  // namespace

float inverse_rms(const float* x, std::int64_t width, float epsilon) {
  return HWY_DYNAMIC_DISPATCH(inverse_rms)(x, width, epsilon);
}

void normalize_row(const float* x, const float* weight, std::int64_t width, float epsilon,
                   float* y) {
  HWY_DYNAMIC_DISPATCH(forward_row)(x, weight, width, epsilon, y);
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, float epsilon) {
  const std::int64_t width = weight.count(), rows = width == 0 ? 0 : x.count() / width;
  Tensor y = Tensor::empty(x.shape());
  const float *from = x.data<float>(), *w = weight.data<float>();
  float* to = y.data<float>();
  parallel_for(rows, kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      normalize_row(from + row * width, w, width, epsilon, to + row * width);
    }
  });
  return y;
}

Tensor rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& weight, float epsilon,
                         Tensor* dweight) {
  const std::int64_t width = weight.count(), rows = width == 0 ? 0 : x.count() / width;
  const bool to_weight = dweight != nullptr && dweight->defined();
  const std::int64_t chunks = (rows + kRows - 1) / kRows;
  Tensor dx = Tensor::empty(x.shape());
  Tensor partial = to_weight ? Tensor::zeros({chunks, width}) : Tensor();
  const float *dout = dy.data<float>(), *from = x.data<float>(), *w = weight.data<float>();
  float* to = dx.data<float>();
  float* sums = to_weight ? partial.data<float>() : nullptr;
  parallel_for(rows, kRows, [&](std::int64_t begin, std::int64_t end) {
    float* sum = to_weight ? sums + begin / kRows * width : nullptr;
    for (std::int64_t row = begin; row < end; ++row) {
      HWY_DYNAMIC_DISPATCH(backward_row)
      (dout + row * width, from + row * width, w, width, epsilon, to + row * width, sum);
    }
  });
  if (to_weight) {
    float* total = dweight->data<float>();
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      for (std::int64_t i = 0; i < width; ++i) total[i] += sums[chunk * width + i];
    }
  }
  return dx;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
