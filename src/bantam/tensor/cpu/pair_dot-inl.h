// Sums of two neighbouring products of 16-bit integers, for the instruction set being compiled: one
// instruction where the CPU has VNNI, two on others.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_PAIR_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_PAIR_DOT_INL_H_
#undef BANTAM_TENSOR_CPU_PAIR_DOT_INL_H_
#else
#define BANTAM_TENSOR_CPU_PAIR_DOT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

// AVX-512 without VNNI (HWY_AVX3) multiplies and adds 16-bit integers no faster than floats.
#undef BANTAM_MULTIPLIES_I16
#define BANTAM_MULTIPLIES_I16 (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3_DL)

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if BANTAM_MULTIPLIES_I16

/// sum + the products of the two 16-bit integers in each word of x with those in the word of y.
template <class Ints>
HWY_INLINE Ints add_pair_products(Ints sum, Ints x, Ints y) {
#if HWY_TARGET == HWY_AVX3_DL
  // Highway 1.0 does not let the compiler use this instruction, which all AVX3_DL CPUs have.
  asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(y.raw));
  return sum;
#else
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::DFromV<Ints> words;
  const hn::Repartition<std::int16_t, decltype(words)> shorts;
  Ints none = hn::Zero(words);  // on x86 all goes into the first sum
  const Ints products = hn::ReorderWidenMulAccumulate(
      words, hn::BitCast(shorts, x), hn::BitCast(shorts, y), hn::Zero(words), none);
  // Left to itself, the compiler regroups the sums, which then do not fit the registers.
  asm("vpaddd %1, %0, %0" : "+v"(sum.raw) : "v"(products.raw));
  return sum;
#endif
}

#endif  // BANTAM_MULTIPLIES_I16
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
