#include "bench/bound.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <map>

#include "bantam/base/threads.h"
#include "bantam/recipe/bench/integer_peak.h"
#include "bantam/recipe/bench/memory_read.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam::bench {
namespace {

constexpr int kRepeat = 3;

// Measured once for each power of two of bytes.
double memory_rate(double bytes) {
  static std::map<std::uint64_t, double> measured;
  constexpr double kSmallest = 1 << 16, kLargest = 1 << 30;
  const std::uint64_t size =
      std::bit_ceil(static_cast<std::uint64_t>(std::clamp(bytes, kSmallest, kLargest)));
  const auto [entry, is_new] = measured.try_emplace(size, 0);
  if (is_new) entry->second = measure_memory_read(size, thread_count(), kRepeat).high;
  return entry->second;
}

MachineRates measure_products() {
  constexpr std::int64_t kSize = 1024;
  const RoundActivations as_models_do;
  const MatmulPrecision type = matmul_precision();
  return {.products = measure_gemm(type, kSize, kSize, kSize, kRepeat).high,
          .product_type = std::string(name_of(type)),
          .integer_products = measure_integer_peak(thread_count(), kRepeat).rate.high};
}

}  // namespace

Bound machine_bound(const Work& work) {
  static const MachineRates products = measure_products();
  MachineRates rates = products;
  rates.memory_read = memory_rate(work.bytes);
  return bound_of(work, rates);
}

}  // namespace bantam::bench
