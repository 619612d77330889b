// Rounding to bf16 as AMX takes it, for CPUs that have AMX.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_AMX_ROUND_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_AMX_ROUND_INL_H_
#undef BANTAM_TENSOR_CPU_AMX_ROUND_INL_H_
#else
#define BANTAM_TENSOR_CPU_AMX_ROUND_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET == HWY_AVX3_DL

using SixteenFloats = hwy::HWY_NAMESPACE::Vec512<float>;
using ThirtyTwoHalves = hwy::HWY_NAMESPACE::Vec512<std::uint16_t>;

// Two vectors of floats as bf16, rounded to nearest, the first in the lower half. All CPUs with AMX
// have the instruction; Highway 1.0 has no name for it.
HWY_INLINE ThirtyTwoHalves to_bf16(SixteenFloats first, SixteenFloats second) {
  ThirtyTwoHalves out;
  asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(out.raw) : "v"(second.raw), "v"(first.raw));
  return out;
}

// The same, lane by lane: both of lane 0, both of lane 1, …
HWY_INLINE ThirtyTwoHalves to_bf16_pairs(SixteenFloats first, SixteenFloats second) {
  alignas(64) static constexpr std::uint16_t kOrder[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return ThirtyTwoHalves{
      _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), to_bf16(first, second).raw)};
}

// 2^x to 9e-5, for what is rounded to bf16, that is by up to 2e-3: with x = n + f, n its floor,
// 2^f = 1 + f q(f), q fitted to the least relative error. Below -126 it is 2^-126, for results
// that are no normal numbers take a hundred cycles; NaN stays NaN.
HWY_INLINE SixteenFloats rough_power(SixteenFloats x, __mmask16 some = 0xffff) {
  namespace hn = hwy::HWY_NAMESPACE;
  constexpr hn::Full512<float> d;
  constexpr int kToFloor = 1;
  x = hn::Max(hn::Set(d, -126.0f), x);  // NaN if the second is
  const SixteenFloats f{_mm512_reduce_ps(x.raw, kToFloor)};
  auto q = hn::Set(d, 0.0770670548f);
  q = hn::MulAdd(q, f, hn::Set(d, 0.227644980f));
  q = hn::MulAdd(q, f, hn::Set(d, 0.695116818f));
  q = hn::MulAdd(q, f, hn::Set(d, 1.0f));
  return SixteenFloats{_mm512_maskz_scalef_ps(some, q.raw, x.raw)};
}

#endif  // HWY_TARGET == HWY_AVX3_DL
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
