// A loop of nothing but products of bytes, in as many independent sums as hide the latency of the
// instruction. The instructions are those of tensor/cpu/quad_dot-inl.h.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#define HWY_WANT_AVX3_DL  // which has vpdpbusd
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/recipe/bench/integer_peak.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bantam::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL

using ByteTag = hn::ScalableTag<std::uint8_t>;
using Bytes = hn::Vec<ByteTag>;

// Adds the products of all bytes of two vectors to a sum. Volatile assembly, because a compiler
// would form a product that does not change only once.
#if HWY_TARGET == HWY_AVX3_DL
constexpr const char* kInstructions = "vpdpbusd, 512 bits";
using Sum = hn::Vec<hn::Repartition<std::int32_t, ByteTag>>;
HWY_INLINE void add_products(Bytes weight, Bytes x, Sum& sum) {
  asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(weight.raw), "v"(x.raw));
}
#else
constexpr const char* kInstructions =
    HWY_TARGET == HWY_AVX2 ? "vpmaddubsw + vpaddw, 256 bits" : "vpmaddubsw + vpaddw, 512 bits";
using Sum = hn::Vec<hn::Repartition<std::int16_t, ByteTag>>;
HWY_INLINE void add_products(Bytes weight, Bytes x, Sum& sum) {
  Sum pairs;
  asm volatile("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0"
               : "+v"(sum.raw), "=&v"(pairs.raw)
               : "v"(weight.raw), "v"(x.raw));
}
#endif

const char* integer_instructions() { return kInstructions; }

template <class... Sums>
HWY_INLINE void add_products_to_each(Bytes weight, Bytes x, Sums&... sums) {
  (add_products(weight, x, sums), ...);
}

// Returns the multiplications made. The sums have names, not places in an array, so that they stay
// in registers; as many as there are registers for on every CPU, and enough to hide the latency.
double multiply_bytes(std::int64_t rounds) {
  const ByteTag d;
  const Bytes weight = hn::Set(d, 3), x = hn::Set(d, 5);
  const Sum zero = hn::Zero(hn::DFromV<Sum>());
  Sum s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero,
      s8 = zero, s9 = zero;
  constexpr double kSums = 10;
  for (std::int64_t round = 0; round < rounds; ++round) {
    add_products_to_each(weight, x, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9);
  }
  return static_cast<double>(rounds) * kSums * static_cast<double>(hn::Lanes(d));
}

#else  // no instruction that multiplies bytes

const char* integer_instructions() { return ""; }
double multiply_bytes(std::int64_t) { return 0; }

#endif

}  // namespace
}  // namespace bantam::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/recipe/bench/integer_peak.h"
#include "bantam/recipe/bench/rate.h"

namespace bantam {
namespace {

HWY_EXPORT(integer_instructions);
HWY_EXPORT(multiply_bytes);

}  // namespace

IntegerPeak measure_integer_peak(int threads, int repeat) {
  IntegerPeak peak{HWY_DYNAMIC_DISPATCH(integer_instructions)(), {}};
  if (peak.instructions.empty()) return peak;
  constexpr std::int64_t kRounds = 200'000;  // about a tenth of a millisecond a call
  const ThreadCount set(threads);
  std::vector<double> made(static_cast<std::size_t>(threads));
  peak.rate = measure_rate(repeat, [&] {
    parallel_for(threads, 1, [&](std::int64_t thread, std::int64_t) {
      made[static_cast<std::size_t>(thread)] = HWY_DYNAMIC_DISPATCH(multiply_bytes)(kRounds);
    });
    double multiplications = 0;
    for (const double one : made) multiplications += one;
    return 2 * multiplications;
  });
  return peak;
}

}  // namespace bantam
#endif
