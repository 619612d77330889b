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

#endif  // HWY_TARGET == HWY_AVX3_DL
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
