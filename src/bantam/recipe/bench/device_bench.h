// What this machine can do at most, as Bantam sees it: memory read, matrix products, and products
// of 8-bit integers. These are the bounds that the other benchmarks compare themselves with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/base/machine.h"
#include "bantam/base/progress.h"
#include "bantam/recipe/bench/integer_peak.h"
#include "bantam/recipe/bench/spread.h"
#include "bantam/tensor/dtype.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/rounding.h"

namespace bantam {

struct MemoryRate {
  int threads = 1;
  std::uint64_t bytes = 0;  ///< read in one pass
  Spread rate;              ///< bytes a second
};

/// c [m, n] = a [m, k] w [n, k]ᵀ through Bantam's own products, on all threads; two operations a
/// multiplication.
struct GemmRate {
  std::string type;  ///< of the product, such as f32 or i16; or of a quantized w
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
  /// Products as answers form them, rounding of x included; empty where they are not used.
  std::vector<GemmRate> integer;
  IntegerPeak integer_peak;
  /// The same of passages (Rounding::passage) and the rate of tiles alone: on CPUs with AMX.
  std::vector<GemmRate> passages;
  Spread tile_peak;

  /// Bounds are the best of all measurements: what was reached once can be reached.
  /// 0 when the type was not measured. Of bf16: the rate of tiles where there are some.
  double best_gemm(MatmulPrecision type) const;
  /// Of integer products: the peak, or the best product where the peak is not known.
  double best_integer() const;
  /// Of products of passages: of tiles; 0 without them.
  double best_passage() const;
  /// On all threads, beyond the last cache.
  double best_memory_read() const { return memory.empty() ? 0 : memory.back().rate.high; }
};

struct DeviceBenchOptions {
  int repeat = 5;
  std::uint64_t buffer =
      0;  ///< bytes read in one pass; 0: eight last-level caches, 256 MiB to 1 GiB
};

/// What this CPU forms large products in at a speed worth measuring: f32, and bf16 and i16 where it
/// has the instructions.
std::vector<MatmulPrecision> gemm_types();
Spread measure_gemm(MatmulPrecision type, std::int64_t m, std::int64_t n, std::int64_t k,
                    int repeat);
/// True when answers multiply weights of this type in integers (RoundActivations).
bool answers_multiply_integers(DType weight);
Spread measure_rounded_product(Rounding rounding, DType weight, std::int64_t m, std::int64_t n,
                               std::int64_t k, int repeat);

DeviceBench bench_device(const DeviceBenchOptions& options,
                         ProgressSink& progress = silent_progress());
Json device_bench_json(const DeviceBench& bench);
/// {"median", "low", "high", "count"}.
Json spread_json(const Spread& spread);
/// "AMD EPYC, 2 threads, avx2 fma f16c".
std::string machine_line(const DeviceBench& bench);

}  // namespace bantam
