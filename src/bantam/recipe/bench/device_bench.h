// What this machine can do at most, as Bantam sees it: memory read and matrix products. These are
// the bounds that the other benchmarks compare themselves with.
#pragma once

#include <cstdint>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/base/machine.h"
#include "bantam/base/progress.h"
#include "bantam/recipe/bench/spread.h"
#include "bantam/tensor/dtype.h"

namespace bantam {

struct MemoryRate {
  int threads = 1;
  std::uint64_t bytes = 0;  ///< read in one pass
  Spread rate;              ///< bytes a second
};

/// c [m, n] = a [m, k] w [n, k]ᵀ through Bantam's own products, on all threads; two operations a
/// multiplication.
struct GemmRate {
  DType dtype = DType::f32;
  std::int64_t m = 0, n = 0, k = 0;
  Spread rate;  ///< operations a second
};

struct DeviceBench {
  Processor processor;
  CacheSizes caches;
  std::string system;
  int threads = 1;
  std::vector<MemoryRate> memory;
  std::vector<GemmRate> gemm;

  /// Best median over the shapes; 0 when the type was not measured.
  double best_gemm(DType dtype) const;
  /// On all threads, beyond the last cache.
  double memory_read() const { return memory.empty() ? 0 : memory.back().rate.median; }
};

struct DeviceBenchOptions {
  int repeat = 5;
  std::uint64_t buffer =
      0;  ///< bytes read in one pass; 0: eight last-level caches, 256 MiB to 1 GiB
};

/// Types that this CPU multiplies at a speed worth measuring: f32, and bf16 where it has the
/// instructions.
std::vector<DType> gemm_types();
Spread measure_gemm(DType dtype, std::int64_t m, std::int64_t n, std::int64_t k, int repeat);

DeviceBench bench_device(const DeviceBenchOptions& options,
                         ProgressSink& progress = silent_progress());
Json device_bench_json(const DeviceBench& bench);
/// {"median", "low", "high", "count"}.
Json spread_json(const Spread& spread);
/// "AMD EPYC, 2 threads, avx2 fma f16c".
std::string machine_line(const DeviceBench& bench);

}  // namespace bantam
