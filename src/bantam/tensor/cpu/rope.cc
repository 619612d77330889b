// Rotary position embedding in f32.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/rope.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <algorithm>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/cpu/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Pair i of each head is (x[i], x[pairs + i]): y = first cos - second sin, first sin + second cos.
void rotate_halves(const float* x, std::int64_t heads, std::int64_t width, const float* cosine,
                   const float* sine, float direction, std::int64_t pairs, float* y) {
  for_each_vector(pairs, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto c = hn::LoadU(d, cosine + i);
    const auto s = hn::Mul(hn::LoadU(d, sine + i), hn::Set(d, direction));
    const float* first = x + i;
    float* to = y + i;
    for (std::int64_t head = 0; head < heads; ++head, first += width, to += width) {
      const auto a = hn::LoadU(d, first), b = hn::LoadU(d, first + pairs);
      hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, to);
      hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, to + pairs);
    }
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

void turn_heads(const float* x, std::int64_t heads, std::int64_t width, const Turn& turn,
                float* y) {
  const auto sign = static_cast<float>(turn.direction);
  if (!turn.interleaved) {
    HWY_DYNAMIC_DISPATCH(rotate_halves)
    (x, heads, width, turn.cosine, turn.sine, sign, turn.pairs, y);
  }
  for (std::int64_t head = 0; head < heads; ++head, x += width, y += width) {
    if (turn.interleaved) rotate_neighbours(x, turn.cosine, turn.sine, sign, turn.pairs, y);
    if (y != x) std::copy(x + 2 * turn.pairs, x + width, y + 2 * turn.pairs);
  }
}

Tensor rope(const Tensor& x, const RopeTable& table, bool interleaved, int direction) {
  const std::int64_t tokens = x.size(0), heads = x.size(1), width = x.size(2);
  const std::int64_t pairs = table.cosine.size(1);
  Tensor y = Tensor::empty(x.shape());
  const float* from = x.data<float>();
  const float *cosine = table.cosine.data<float>(), *sine = table.sine.data<float>();
  float* to = y.data<float>();
  parallel_for(tokens, kTokensAtATime, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t token = begin; token < end; ++token) {
      const std::int64_t first = token * heads * width;
      turn_heads(from + first, heads, width,
                 {cosine + token * pairs, sine + token * pairs, pairs, interleaved, direction},
                 to + first);
    }
  });
  return y;
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
