#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/gelu.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "bantam/tensor/cpu/gelu.h"
#include "bantam/tensor/cpu/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// erf(x) = x P(x²) / Q(x²) with the minimax coefficients of Eigen's generic_fast_erf_float; beyond
// 4 it is 1 in f32. NaN stays NaN.
template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  const V limit = hn::Set(d, 4.0f);
  const V kept = hn::IfThenElse(hn::IsNaN(x), x, hn::Min(hn::Max(x, hn::Neg(limit)), limit));
  const V square = hn::Mul(kept, kept);
  const auto horner = [&](auto... coefficients) HWY_ATTR {
    V value = hn::Zero(d);
    ((value = hn::MulAdd(value, square, hn::Set(d, coefficients))), ...);
    return value;
  };
  const V top = horner(-2.72614225801306e-10f, 2.77068142495902e-08f, -2.10102402082508e-06f,
                       -5.69250639462346e-05f, -7.34990630326855e-04f, -2.95459980854025e-03f,
                       -1.60960333262415e-02f);
  const V bottom = horner(-1.45660718464996e-05f, -2.13374055278905e-04f, -1.68282697438203e-03f,
                          -7.37332916720468e-03f, -1.42647390514189e-02f);
  return hn::Div(hn::Mul(kept, top), bottom);
}

// Φ(x) = (1 + erf(x / √2)) / 2.
template <class D, class V>
HWY_INLINE V share_below(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  return hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, 0.70710678f))), half);
}

void forward(const float* x, float* y, std::int64_t count) {
  for_each_vector(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto v = hn::LoadU(d, x + i);
    hn::StoreU(hn::Mul(v, share_below(d, v)), d, y + i);
  });
}

void backward(const float* dy, const float* x, float* dx, std::int64_t count) {
  for_each_vector(count, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto v = hn::LoadU(d, x + i);
    // Below exp(-88) the density is as good as zero.
    const auto exponent = hn::Max(hn::Set(d, -88.0f), hn::Mul(hn::Mul(v, v), hn::Set(d, -0.5f)));
    const auto density = hn::Mul(hn::Set(d, 0.39894228f), hn::Exp(d, exponent));
    const auto slope = hn::MulAdd(v, density, share_below(d, v));
    hn::StoreU(hn::Mul(hn::LoadU(d, dy + i), slope), d, dx + i);
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

}  // namespace

void gelu_row(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(forward)(x, y, count);
}
void gelu_gradient_row(const float* dy, const float* x, float* dx, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(backward)(dy, x, dx, count);
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
