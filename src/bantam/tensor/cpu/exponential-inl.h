// exp() of bounded arguments in half of the instructions of one for all: softmax and its kin have
// nothing above their largest score, and what lies far below it may become zero.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_EXPONENTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_EXPONENTIAL_INL_H_
#undef BANTAM_TENSOR_CPU_EXPONENTIAL_INL_H_
#else
#define BANTAM_TENSOR_CPU_EXPONENTIAL_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {

/// exp(x) for x up to 88 within two units in the last place; 0 below -87.7, where f32 has no normal
/// numbers left. NaN stays NaN.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V exponential(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  // A comparison, not a maximum, for that may lose NaN.
  const V lowest = hn::Set(d, -127 * 0.6931472f);
  x = hn::IfThenElse(hn::Lt(x, lowest), lowest, x);
  // exp(x) = 2^n exp(r) with n = round(x / ln 2). Adding 1.5 * 2^23 leaves n, and the bias of an
  // exponent with it, in the low bits; for n = -127 they are 0, which is 2^n's stand-in for 0.
  const V shift = hn::Set(d, 12582912.0f + 127);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), shift);
  const V n = hn::Sub(shifted, shift);
  const hn::RebindToSigned<D> bits;
  const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(bits, shifted)));
  // ln 2 in two parts, of which the first times n is exact.
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  // exp(r) = 1 + r + r² q(r) to 1e-8 for |r| <= ln 2 / 2; q was fitted at Chebyshev nodes.
  V q = hn::Set(d, 1.39261771e-3f);
  q = hn::MulAdd(q, r, hn::Set(d, 8.36317427e-3f));
  q = hn::MulAdd(q, r, hn::Set(d, 4.16665561e-2f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.166665778f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.5f));
  q = hn::MulAdd(q, r, hn::Set(d, 1.0f));
  q = hn::MulAdd(q, r, hn::Set(d, 1.0f));
  return hn::Mul(q, power);
}

}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
