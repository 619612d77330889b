// Sums of four neighbouring products of bytes, for the instruction set being compiled: one
// instruction where the CPU has VNNI, two or three on others.
//
//   QuadSums<D, kLargest, kSigned, kLargestX> sums;
//   sums.start(first);
//   sums.add<0, 2>(sums.prepare(weight), x);
//   sums.add<1, 2>(sums.prepare(more), y);
//   sums.total()
//
// Lane i of the total, an i32, is exactly first[i] and the sum over j < 4 of
// weight[4 i + j] * x[4 i + j] and more[4 i + j] * y[4 i + j].
//
// Weight levels are 0 … kLargest, or two's complement when kSigned; x levels are -kLargestX …
// kLargestX.
//
// No include guard of the usual kind: Highway includes this once for each instruction set.
#if defined(BANTAM_TENSOR_CPU_QUAD_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BANTAM_TENSOR_CPU_QUAD_DOT_INL_H_
#undef BANTAM_TENSOR_CPU_QUAD_DOT_INL_H_
#else
#define BANTAM_TENSOR_CPU_QUAD_DOT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
#define BANTAM_HAS_PAIR_PRODUCTS 1
#else
#define BANTAM_HAS_PAIR_PRODUCTS 0
#endif

// The instructions that Highway has no name for, by vector size. Weight bytes are unsigned.
#if BANTAM_HAS_PAIR_PRODUCTS
// Two neighbouring products summed to 16 bits, which saturate: see QuadSums.
HWY_INLINE hn::Vec256<std::int16_t> pair_products(hn::Vec256<std::uint8_t> weight,
                                                  hn::Vec256<std::int8_t> x) {
  return hn::Vec256<std::int16_t>{_mm256_maddubs_epi16(weight.raw, x.raw)};
}
HWY_INLINE hn::Vec256<std::int32_t> sums_of_pairs(hn::Vec256<std::int16_t> pairs) {
  return hn::Vec256<std::int32_t>{_mm256_madd_epi16(pairs.raw, _mm256_set1_epi16(1))};
}
/// x with the sign of w, 0 where w is 0.
HWY_INLINE hn::Vec256<std::int8_t> with_sign_of(hn::Vec256<std::int8_t> w,
                                                hn::Vec256<std::int8_t> x) {
  return hn::Vec256<std::int8_t>{_mm256_sign_epi8(x.raw, w.raw)};
}
#if HWY_TARGET != HWY_AVX2
HWY_INLINE hn::Vec512<std::int16_t> pair_products(hn::Vec512<std::uint8_t> weight,
                                                  hn::Vec512<std::int8_t> x) {
  return hn::Vec512<std::int16_t>{_mm512_maddubs_epi16(weight.raw, x.raw)};
}
HWY_INLINE hn::Vec512<std::int32_t> sums_of_pairs(hn::Vec512<std::int16_t> pairs) {
  return hn::Vec512<std::int32_t>{_mm512_madd_epi16(pairs.raw, _mm512_set1_epi16(1))};
}
HWY_INLINE hn::Vec512<std::int8_t> with_sign_of(hn::Vec512<std::int8_t> w,
                                                hn::Vec512<std::int8_t> x) {
  const hn::Full512<std::int8_t> d;
  const auto signed_x = hn::IfThenElse(hn::Lt(w, hn::Zero(d)), hn::Neg(x), x);
  return hn::IfThenZeroElse(hn::Eq(w, hn::Zero(d)), signed_x);
}
#endif
#if HWY_TARGET == HWY_AVX3_DL
// Highway 1.0 does not let the compiler use this instruction, which all AVX3_DL CPUs have.
template <class Sums, class Weights, class Xs>
HWY_INLINE Sums quad_products(Sums sum, Weights weight, Xs x) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(weight.raw), "v"(x.raw));
  return sum;
}
#endif
#endif  // BANTAM_HAS_PAIR_PRODUCTS

/// D: the tag of the bytes.
template <class D, int kLargest, bool kSigned, int kLargestX = 127>
class QuadSums {
  using D8 = hn::Rebind<std::int8_t, D>;
  using D16 = hn::Repartition<std::int16_t, D>;
  using D32 = hn::Repartition<std::int32_t, D>;
  using Bytes = hn::Vec<D>;

 public:
  /// What a weight is prepared to once before it meets many x.
  struct Weight {
    Bytes magnitude;
    hn::Vec<D8> sign;  ///< used when kSigned
  };
  static HWY_INLINE Weight prepare(Bytes levels) {
    const D8 d8;
    const auto as_signed = hn::BitCast(d8, levels);
    if constexpr (!kSigned) return {levels, as_signed};
    return {hn::BitCast(D(), hn::Abs(as_signed)), as_signed};
  }

  HWY_INLINE void start(hn::Vec<D32> first) { total_ = first; }

  /// The kStep-th call of kSteps; total() holds after the last.
  template <int kStep, int kSteps>
  HWY_INLINE void add(const Weight& weight, hn::Vec<D8> x) {
#if BANTAM_HAS_PAIR_PRODUCTS
    if constexpr (kSigned) x = with_sign_of(weight.sign, x);
#endif
#if HWY_TARGET == HWY_AVX3_DL
    total_ = quad_products(total_, weight.magnitude, x);
#elif BANTAM_HAS_PAIR_PRODUCTS
    // 2 * kLargest * kLargestX bounds a pair; as many as fit 16 bits are summed there, which saves
    // a widening each.
    constexpr int kFit = kSigned ? 1 : 32767 / (2 * kLargest * kLargestX);
    static_assert(kFit > 0);
    const auto products = pair_products(weight.magnitude, x);
    if constexpr (kStep % kFit == 0) {
      pairs_ = products;
    } else {
      pairs_ = hn::Add(pairs_, products);
      asm("" : "+x"(pairs_.raw));  // regrouped sums would take more registers than there are
    }
    if constexpr ((kStep + 1) % kFit == 0 || kStep + 1 == kSteps) {
      total_ = hn::Add(total_, sums_of_pairs(pairs_));
      if constexpr (kFit < kSteps) asm("" : "+x"(total_.raw));  // the same for many of these
    }
#else
    const D32 d;
    const auto w = hn::BitCast(d, kSigned ? hn::BitCast(D(), weight.sign) : weight.magnitude);
    const auto all = hn::BitCast(d, x);
    add_byte<24>(w, all);
    add_byte<16>(w, all);
    add_byte<8>(w, all);
    add_byte<0>(w, all);
#endif
  }
  HWY_INLINE hn::Vec<D32> total() const { return total_; }

 private:
#if !BANTAM_HAS_PAIR_PRODUCTS
  // The byte that `kUp` bits move to the top of its lane.
  template <int kUp>
  HWY_INLINE void add_byte(hn::Vec<D32> w, hn::Vec<D32> x) {
    const D32 d;
    const hn::RebindToUnsigned<D32> du;
    const auto top = hn::ShiftLeft<kUp>(w);
    const auto level = kSigned ? hn::ShiftRight<24>(top)
                               : hn::BitCast(d, hn::ShiftRight<24>(hn::BitCast(du, top)));
    const auto of_x = hn::ShiftRight<24>(hn::ShiftLeft<kUp>(x));
    total_ = hn::Add(total_, hn::Mul(level, of_x));
  }
#endif

  hn::Vec<D16> pairs_;
  hn::Vec<D32> total_;
};

#endif  // HWY_TARGET != HWY_SCALAR
}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
