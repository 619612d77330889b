// Rounding to integers that are known to be small.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_NEAREST_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_NEAREST_INL_H_
#undef BANTAM_TENSOR_CPU_NEAREST_INL_H_
#else
#define BANTAM_TENSOR_CPU_NEAREST_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {

/// 1.5 * 2^23: a float has no bits for less than 1 there, and 2^22 to either side.
constexpr float kNearestShift = 12582912.0f;

/// value * multiplier to the nearest integer, ties to even, in the low 16 bits of each lane; others
/// mean nothing. One instruction where a conversion also takes care of values beyond 32 bits. NaN
/// becomes some integer.
template <class Floats>
HWY_INLINE auto nearest_low_bits(Floats value, Floats multiplier) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<Floats> d;
  const hn::RebindToSigned<decltype(d)> bits;
  return hn::BitCast(bits, hn::MulAdd(value, multiplier, hn::Set(d, kNearestShift)));
}

/// The integer itself, for |value * multiplier| below 2^22.
template <class Floats>
HWY_INLINE auto nearest(Floats value, Floats multiplier) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<Floats> d;
  const hn::RebindToSigned<decltype(d)> bits;
  return hn::Sub(nearest_low_bits(value, multiplier), hn::BitCast(bits, hn::Set(d, kNearestShift)));
}

}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
