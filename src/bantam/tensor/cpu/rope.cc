// Rotary position embedding in f32.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/rope.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Pair i is (first[i], second[i]): y = first cos - second sin, first sin + second cos.
void rotate_halves(const float* first, const float* second, const float* cosine, const float* sine,
                   float direction, std::int64_t pairs, float* y_first, float* y_second) {
  for_each_vector(pairs, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto a = hn::LoadU(d, first + i), b = hn::LoadU(d, second + i);
    const auto c = hn::LoadU(d, cosine + i);
    const auto s = hn::Mul(hn::LoadU(d, sine + i), hn::Set(d, direction));
    hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, y_first + i);
    hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, y_second + i);
  });
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(rotate_halves);

// Tokens a thread takes at a time.
constexpr std::int64_t kTokensAtATime = 4;

void rotate_neighbours(const float* x, const float* cosine, const float* sine, float direction,
                       std::int64_t pairs, float* y) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1], s = sine[i] * direction;
    y[2 * i] = a * cosine[i] - b * s;
    y[2 * i + 1] = a * s + b * cosine[i];
  }
}

}  // namespace

Tensor rope(const Tensor& x, const RopeTable& table, bool interleaved, int direction) {
  const std::int64_t tokens = x.size(0), heads = x.size(1), width = x.size(2);
  const std::int64_t pairs = table.cosine.size(1);
  Tensor y = Tensor::empty(x.shape());
  const float* from = x.data<float>();
  const float *cosine = table.cosine.data<float>(), *sine = table.sine.data<float>();
  float* to = y.data<float>();
  const auto sign = static_cast<float>(direction);
  parallel_for(tokens, kTokensAtATime, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t head = begin * heads; head < end * heads; ++head) {
      const float *in = from + head * width, *c = cosine + head / heads * pairs;
      const float* s = sine + head / heads * pairs;
      float* out = to + head * width;
      if (interleaved) {
        rotate_neighbours(in, c, s, sign, pairs, out);
      } else {
        HWY_DYNAMIC_DISPATCH(rotate_halves)(in, in + pairs, c, s, sign, pairs, out, out + pairs);
      }
      std::copy(in + 2 * pairs, in + width, out + 2 * pairs);
    }
  });
  return y;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
