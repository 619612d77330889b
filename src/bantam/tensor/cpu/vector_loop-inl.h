// A loop over f32 memory of any length: whole vectors first, then the remaining elements one by one
// through the same code.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_VECTOR_LOOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_VECTOR_LOOP_INL_H_
#undef BANTAM_TENSOR_CPU_VECTOR_LOOP_INL_H_
#else
#define BANTAM_TENSOR_CPU_VECTOR_LOOP_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {

/// Calls f(tag, offset): tag is a full vector's, or that of a single element at the end.
template <class F>
HWY_INLINE void for_each_vector(std::int64_t count, F f) {
  const hwy::HWY_NAMESPACE::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hwy::HWY_NAMESPACE::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) f(d, i);
  for (; i < count; ++i) f(hwy::HWY_NAMESPACE::CappedTag<float, 1>(), i);
}

}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
