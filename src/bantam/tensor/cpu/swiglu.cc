// SwiGLU's gate, one pass over memory each way.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/swiglu.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include "bantam/base/threads.h"
#include "bantam/tensor/cpu/gate-inl.h"
#include "bantam/tensor/cpu/kernels.h"
#include "bantam/tensor/cpu/row_kernels.h"
#include "bantam/tensor/cpu/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void forward(const float* gate, const float* up, std::int64_t count, float* out) {
  for_each_vector(count, [&](auto d, std::int64_t i) HWY_ATTR {
    hn::StoreU(gated(d, hn::LoadU(d, gate + i), hn::LoadU(d, up + i)), d, out + i);
  });
}

// d silu(g) = s (1 + g (1 - s)) with s = sigmoid(g).
void backward(const float* dy, const float* gate, const float* up, std::int64_t count,
              float* d_gate, float* d_up) {
  for_each_vector(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto one = hn::Set(d, 1.0f);
    const auto g = hn::LoadU(d, gate + i), dout = hn::LoadU(d, dy + i), s = sigmoid(d, g);
    const auto slope = hn::Mul(s, hn::MulAdd(g, hn::Sub(one, s), one));
    hn::StoreU(hn::Mul(dout, hn::Mul(g, s)), d, d_up + i);
    hn::StoreU(hn::Mul(hn::Mul(dout, hn::LoadU(d, up + i)), slope), d, d_gate + i);
  });
}

}  // namespace
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {
namespace {

HWY_EXPORT(forward);
HWY_EXPORT(backward);

constexpr std::int64_t kChunk = 4096;  // elements a thread takes at a time

}  // namespace

void gate_elements(const float* gate, const float* up, std::int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(forward)(gate, up, count, out);
}

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  Tensor y = Tensor::empty(gate.shape());
  const float *g = gate.data<float>(), *u = up.data<float>();
  float* out = y.data<float>();
  parallel_for(gate.count(), kChunk, [&](std::int64_t begin, std::int64_t end) {
    gate_elements(g + begin, u + begin, end - begin, out + begin);
  });
  return y;
}

void swiglu_backward(const Tensor& dy, const Tensor& gate, const Tensor& up, Tensor& d_gate,
                     Tensor& d_up) {
  const float *dout = dy.data<float>(), *g = gate.data<float>(), *u = up.data<float>();
  float *dg = d_gate.data<float>(), *du = d_up.data<float>();
  parallel_for(gate.count(), kChunk, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(backward)
    (dout + begin, g + begin, u + begin, end - begin, dg + begin, du + begin);
  });
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
