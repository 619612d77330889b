// SwiGLU's gate in f32.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_GATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_GATE_INL_H_
#undef BANTAM_TENSOR_CPU_GATE_INL_H_
#else
#define BANTAM_TENSOR_CPU_GATE_INL_H_
#endif

#include <hwy/highway.h>

#include "bantam/tensor/cpu/exponential-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {

// exp() is kept within f32: sigmoid(-88) is 6e-39, which is as good as zero. NaN needs no care
// here, every use multiplies by the gate itself.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V one = hn::Set(d, 1.0f);
  const V sum = hn::Add(one, exponential(d, hn::Min(hn::Set(d, 88.0f), hn::Neg(x))));
  // 1 / sum: a division takes as long as all that is before it.
  const V near = hn::ApproximateReciprocal(sum);
  return hn::Mul(near, hn::NegMulAdd(near, sum, hn::Set(d, 2.0f)));
}

// silu(gate) * up.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V gated(D d, V gate, V up) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::Mul(hn::Mul(gate, sigmoid(d, gate)), up);
}

}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
