#include "bantam/tensor/cpu/vector_math.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

// foreach_target.h compiles this file once for each instruction set, so it comes first.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/tensor/cpu/vector_math.cc"
#include "hwy/foreach_target.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
// clang-format on

#include "bantam/tensor/cpu/exponential-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::int64_t kSumChunk = 256;  // a multiple of every vector width

// Highway's Exp is defined up to 104 and turns NaN into 0; both ends are mended here.
HWY_INLINE V exp_of(V x) {
  const D d;
  const V limit = hn::Set(d, 88.7228394f);  // the largest x whose exp is finite
  const V y = hn::Exp(d, hn::Min(x, limit));
  const V overflowed = hn::IfThenElse(hn::Gt(x, limit), hn::Inf(d), y);
  return hn::IfThenElse(hn::IsNaN(x), x, overflowed);
}

HWY_INLINE V sigmoid_of(V x) {
  const D d;
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp_of(hn::Neg(x))));
}

HWY_INLINE V tanh_of(V x) {
  const D d;
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, x));
}

// Calls visit(vector, lanes, place) over a row; the last, short vector is filled with `filler`.
template <class Visit>
HWY_INLINE void for_each_vector(const float* x, std::int64_t count, float filler, Visit&& visit) {
  const D d;
  const auto width = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + width <= count; i += width) visit(hn::LoadU(d, x + i), width, i);
  if (i == count) return;
  HWY_ALIGN float last[HWY_MAX_BYTES / sizeof(float)];
  std::fill(last, last + width, filler);
  std::copy(x + i, x + count, last);
  visit(hn::Load(d, last), count - i, i);
}

HWY_INLINE void store(V value, std::int64_t lanes, float* y) {
  const D d;
  if (lanes == static_cast<std::int64_t>(hn::Lanes(d))) {
    hn::StoreU(value, d, y);
    return;
  }
  HWY_ALIGN float last[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(value, d, last);
  std::copy(last, last + lanes, y);
}

template <class F>
HWY_INLINE void map_row(const float* x, float* y, std::int64_t count, F&& f) {
  for_each_vector(x, count, 0.0f, [&](V v, std::int64_t lanes, std::int64_t place) HWY_ATTR {
    store(f(v), lanes, y + place);
  });
}

void exp_row(const float* x, float* y, std::int64_t count) {
  map_row(x, y, count, [](V v) HWY_ATTR { return exp_of(v); });
}
void sigmoid_row(const float* x, float* y, std::int64_t count) {
  map_row(x, y, count, [](V v) HWY_ATTR { return sigmoid_of(v); });
}
void silu_row(const float* x, float* y, std::int64_t count) {
  map_row(x, y, count, [](V v) HWY_ATTR { return hn::Mul(v, sigmoid_of(v)); });
}
void tanh_row(const float* x, float* y, std::int64_t count) {
  map_row(x, y, count, [](V v) HWY_ATTR { return tanh_of(v); });
}

void add_row(const float* x, const float* y, std::int64_t count, float* out) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, out + i);
  }
  for (; i < count; ++i) out[i] = x[i] + y[i];
}

float max_row(const float* x, std::int64_t count) {
  const D d;
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  V largest = hn::Set(d, kLowest);
  for_each_vector(x, count, kLowest,
                  [&](V v, std::int64_t, std::int64_t) HWY_ATTR { largest = hn::Max(largest, v); });
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

bool finite_row(const float* x, std::int64_t count) {
  const D d;
  const hn::RebindToUnsigned<D> bits;
  // x - x is 0 for finite x and NaN for all others.
  auto seen = hn::Zero(bits);
  for_each_vector(x, count, 0.0f, [&](V v, std::int64_t, std::int64_t) HWY_ATTR {
    seen = hn::Or(seen, hn::BitCast(bits, hn::Sub(v, v)));
  });
  return hn::AllTrue(bits, hn::Eq(seen, hn::Zero(bits)));
}

// Gradients come from memory, which the hardware alone does not ask for early enough.
double sum_of_squares_row(const float* x, std::int64_t count) {
  constexpr int kSums = 8;
  constexpr std::int64_t kAheadBytes = 8192;
  using Doubles = hn::CappedTag<double, kSums>;
  [[maybe_unused]] const Doubles d;
  const hn::Rebind<float, Doubles> narrow;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(Doubles())), kVectors = kSums / kLanes;
  hn::Vec<Doubles> sums[kVectors];
  for (auto& sum : sums) sum = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    __builtin_prefetch(reinterpret_cast<const char*>(x + i) + kAheadBytes, 0, 2);
    for (int k = 0; k < kVectors; ++k) {
      const auto value = hn::PromoteTo(d, hn::LoadU(narrow, x + i + k * kLanes));
      sums[k] = hn::MulAdd(value, value, sums[k]);  // the product is exact
    }
  }
  double lanes[kSums];
  for (int k = 0; k < kVectors; ++k) hn::StoreU(sums[k], d, lanes + k * kLanes);
  for (; i < count; ++i) lanes[0] += static_cast<double>(x[i]) * x[i];
  return std::accumulate(lanes, lanes + kSums, 0.0);
}

// Sums f(vector) chunk by chunk; f sees each vector once and may store it.
template <class F>
HWY_INLINE double sum_chunks(const float* x, std::int64_t count, float filler, F&& f) {
  const D d;
  double total = 0;
  for (std::int64_t begin = 0; begin < count; begin += kSumChunk) {
    V sum = hn::Zero(d);
    for_each_vector(x + begin, std::min(kSumChunk, count - begin), filler,
                    [&](V v, std::int64_t lanes, std::int64_t place)
                        HWY_ATTR { sum = hn::Add(sum, f(v, lanes, begin + place)); });
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

double sum_row(const float* x, std::int64_t count) {
  return sum_chunks(x, count, 0.0f, [](V v, std::int64_t, std::int64_t) HWY_ATTR { return v; });
}

double exp_and_sum_row(const float* x, float shift, float* y, std::int64_t count) {
  const D d;
  const V shifts = hn::Set(d, shift);
  return sum_chunks(x, count, -std::numeric_limits<float>::infinity(),
                    [&](V v, std::int64_t lanes, std::int64_t place) HWY_ATTR {
                      const V e = exponential(d, hn::Sub(v, shifts));
                      store(e, lanes, y + place);
                      return e;
                    });
}

double exp_sum_row(const float* x, float shift, std::int64_t count) {
  const D d;
  const V shifts = hn::Set(d, shift);
  return sum_chunks(x, count, -std::numeric_limits<float>::infinity(),
                    [&](V v, std::int64_t, std::int64_t)
                        HWY_ATTR { return exponential(d, hn::Sub(v, shifts)); });
}

}  // namespace bantam::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bantam::cpu {

HWY_EXPORT(exp_row);
HWY_EXPORT(sigmoid_row);
HWY_EXPORT(silu_row);
HWY_EXPORT(tanh_row);
HWY_EXPORT(add_row);
HWY_EXPORT(max_row);
HWY_EXPORT(finite_row);
HWY_EXPORT(sum_row);
HWY_EXPORT(sum_of_squares_row);
HWY_EXPORT(exp_and_sum_row);
HWY_EXPORT(exp_sum_row);

void exp_row(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(exp_row)(x, y, count);
}
void sigmoid_row(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(sigmoid_row)(x, y, count);
}
void silu_row(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(silu_row)(x, y, count);
}
void tanh_row(const float* x, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(tanh_row)(x, y, count);
}
void add_row(const float* x, const float* y, std::int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(add_row)(x, y, count, out);
}
float max_row(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(max_row)(x, count);
}
bool finite_row(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(finite_row)(x, count);
}
double sum_row(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(sum_row)(x, count);
}
double sum_of_squares_row(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(sum_of_squares_row)(x, count);
}
double exp_and_sum_row(const float* x, float shift, float* y, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(exp_and_sum_row)(x, shift, y, count);
}

double log_sum_exp_row(const float* x, std::int64_t count) {
  const float largest = max_row(x, count);
  if (largest == -std::numeric_limits<float>::infinity()) return largest;
  return largest + std::log(HWY_DYNAMIC_DISPATCH(exp_sum_row)(x, largest, count));
}

double max_row(const double* x, std::int64_t count) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, x[i]);
  return largest;
}
bool finite_row(const double* x, std::int64_t count) {
  return std::all_of(x, x + count, [](double value) { return std::isfinite(value); });
}
double sum_of_squares_row(const double* x, std::int64_t count) {
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) total += x[i] * x[i];
  return total;
}
double sum_row(const double* x, std::int64_t count) {
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) total += x[i];
  return total;
}
double exp_and_sum_row(const double* x, double shift, double* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = std::exp(x[i] - shift);
  return sum_row(y, count);
}
double log_sum_exp_row(const double* x, std::int64_t count) {
  const double largest = max_row(x, count);
  if (largest == -std::numeric_limits<double>::infinity()) return largest;
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += std::exp(x[i] - largest);
  return largest + std::log(sum);
}

}  // namespace bantam::cpu
#endif  // HWY_ONCE
