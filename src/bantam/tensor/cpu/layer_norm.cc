// Layer normalization, forward and backward, a row at a time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/layer_norm.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <cmath>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Sum over i of term(d, i), a vector at a time and the rest one by one.
template <class Term>
float sum_of(std::int64_t count, const Term& term) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sums = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) sums = hn::Add(sums, term(d, i));
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (; i < count; ++i) sum += hn::GetLane(term(one, i));
  return sum;
}

void forward_row(const float* x, const float* weight, const float* bias, std::int64_t width,
                 float epsilon, float* y, float* row_mean, float* row_inverse) {
  const auto count = static_cast<float>(width);
  const float mean =
      sum_of(width, [x](auto d, std::int64_t i) HWY_ATTR { return hn::LoadU(d, x + i); }) / count;
  // From the centered values: the difference of two large sums would lose what is small.
  const float variance = sum_of(width,
                                [x, mean](auto d, std::int64_t i) HWY_ATTR {
                                  const auto centered =
                                      hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
                                  return hn::Mul(centered, centered);
                                }) /
                         count;
  const float inverse = 1.0f / std::sqrt(variance + epsilon);
  for_each_vector(width, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto centered = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
    const auto scaled = hn::Mul(hn::Mul(centered, hn::Set(d, inverse)), hn::LoadU(d, weight + i));
    hn::StoreU(bias == nullptr ? scaled : hn::Add(scaled, hn::LoadU(d, bias + i)), d, y + i);
  });
  *row_mean = mean;
  *row_inverse = inverse;
}

// With n = (x - mean) r (r = 1 / deviation) and g = dy w: dx = r (g - mean(g) - n mean(g n));
// dweight += dy n; dbias += dy.
void backward_row(const float* dy, const float* x, const float* weight, float mean, float inverse,
                  std::int64_t width, float* dx, float* dweight, float* dbias) {
  const auto count = static_cast<float>(width);
  const auto normal = [=](auto d, std::int64_t i) HWY_ATTR {
    return hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, inverse));
  };
  const auto gradient = [=](auto d, std::int64_t i) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, dy + i), hn::LoadU(d, weight + i));
  };
  const float shift = sum_of(width, gradient) / count;
  const float pull = sum_of(width, [&](auto d, std::int64_t i)
                                       HWY_ATTR { return hn::Mul(gradient(d, i), normal(d, i)); }) /
                     count;
  for_each_vector(width, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto n = normal(d, i), dout = hn::LoadU(d, dy + i);
    const auto centered =
        hn::NegMulAdd(n, hn::Set(d, pull), hn::Sub(gradient(d, i), hn::Set(d, shift)));
    hn::StoreU(hn::Mul(centered, hn::Set(d, inverse)), d, dx + i);
    if (dweight != nullptr) {
      hn::StoreU(hn::MulAdd(dout, n, hn::LoadU(d, dweight + i)), d, dweight + i);
    }
    if (dbias != nullptr) hn::StoreU(hn::Add(dout, hn::LoadU(d, dbias + i)), d, dbias + i);
  });
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(forward_row);
HWY_EXPORT(backward_row);

// Rows a thread takes at a time; also the rows whose parameter gradients are summed together, so it
// must not depend on the number of threads.
constexpr std::int64_t kRows = 32;

void add_chunks(const Tensor& partial, Tensor& total) {
  const std::int64_t chunks = partial.size(0), width = partial.size(1);
  const float* from = partial.data<float>();
  float* to = total.data<float>();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::int64_t i = 0; i < width; ++i) to[i] += from[chunk * width + i];
  }
}

}  // namespace

LayerNormResult layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                           float epsilon) {
  const std::int64_t width = weight.count(), rows = width == 0 ? 0 : x.count() / width;
  const Shape row_shape(x.shape().extents().first(x.rank() - 1));
  LayerNormResult result{Tensor::empty(x.shape()), Tensor::empty(row_shape),
                         Tensor::empty(row_shape)};
  const float *from = x.data<float>(), *w = weight.data<float>();
  const float* b = bias.defined() ? bias.data<float>() : nullptr;
  float* to = result.output.data<float>();
  float *mean = result.mean.data<float>(), *inverse = result.inverse_deviation.data<float>();
  parallel_for(rows, kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      HWY_DYNAMIC_DISPATCH(forward_row)
      (from + row * width, w, b, width, epsilon, to + row * width, mean + row, inverse + row);
    }
  });
  return result;
}

Tensor layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                           const LayerNormResult& forward, Tensor* dweight, Tensor* dbias) {
  const std::int64_t width = weight.count(), rows = width == 0 ? 0 : x.count() / width;
  const std::int64_t chunks = (rows + kRows - 1) / kRows;
  const auto wanted = [](const Tensor* gradient) {
    return gradient != nullptr && gradient->defined();
  };
  Tensor dx = Tensor::empty(x.shape());
  Tensor weight_sums = wanted(dweight) ? Tensor::zeros({chunks, width}) : Tensor();
  Tensor bias_sums = wanted(dbias) ? Tensor::zeros({chunks, width}) : Tensor();
  const float *dout = dy.data<float>(), *from = x.data<float>(), *w = weight.data<float>();
  const float *mean = forward.mean.data<float>(),
              *inverse = forward.inverse_deviation.data<float>();
  float* to = dx.data<float>();
  float* dw = weight_sums.defined() ? weight_sums.data<float>() : nullptr;
  float* db = bias_sums.defined() ? bias_sums.data<float>() : nullptr;
  parallel_for(rows, kRows, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t sums = begin / kRows * width;
    for (std::int64_t row = begin; row < end; ++row) {
      HWY_DYNAMIC_DISPATCH(backward_row)
      (dout + row * width, from + row * width, w, mean[row], inverse[row], width, to + row * width,
       dw == nullptr ? nullptr : dw + sums, db == nullptr ? nullptr : db + sums);
    }
  });
  if (wanted(dweight)) add_chunks(weight_sums, *dweight);
  if (wanted(dbias)) add_chunks(bias_sums, *dbias);
  return dx;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
