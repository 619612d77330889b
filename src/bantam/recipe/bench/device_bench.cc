#include "bantam/recipe/bench/device_bench.h"

#include <algorithm>
#include <array>

#include "bantam/base/options.h"
#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/recipe/bench/memory_read.h"
#include "bantam/recipe/bench/rate.h"
#include "bantam/recipe/bench/stop_between.h"
#include "bantam/recipe/bench/tile_peak.h"
#include "bantam/tensor/allocator.h"
#include "bantam/tensor/backend.h"
#include "bantam/tensor/cpu/amx.h"
#include "bantam/tensor/cpu/amx_gemm.h"
#include "bantam/tensor/cpu/gemm.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tensor.h"

namespace bantam {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

struct GemmShape {
  std::int64_t m, n, k;
};
// The feed-forward of a 135M model over a prompt of 512 tokens, and two sizes at which products
// reach their best.
constexpr std::array<GemmShape, 3> kShapes = {
    {{512, 1536, 576}, {1024, 1024, 1024}, {2048, 2048, 2048}}};
// The same feed-forward when a token is decoded, in 16 streams, and over a prompt.
constexpr std::array<std::int64_t, 3> kIntegerRows = {1, 16, 512};
constexpr std::int64_t kIntegerOutputs = 1536, kIntegerWidth = 576;
constexpr DType kIntegerWeight = DType::q4_1;  // the default model's

// Small whole numbers: no denormals, and the same in every type.
void fill(Tensor& tensor) {
  if (tensor.dtype() == DType::bf16) {
    std::fill_n(tensor.data<std::uint16_t>(), tensor.count(), std::uint16_t{0x3f80});
  } else {
    std::fill_n(tensor.data<float>(), tensor.count(), 1.0F);
  }
}

void multiply(MatmulPrecision type, const Tensor& a, const Tensor& w, Tensor& c) {
  const std::int64_t m = a.size(0), k = a.size(1), n = w.size(0);
  float* out = c.data<float>();
  if (a.dtype() == DType::bf16) {
    cpu::gemm_bf16(m, n, k, {a.data<std::uint16_t>(), k}, {w.data<std::uint16_t>(), k, true}, out,
                   n, false);
  } else if (type == MatmulPrecision::bf16) {
    cpu::gemm_amx(m, n, k, {a.data<float>(), k}, {w.data<float>(), k, true}, out, n, false);
  } else if (type == MatmulPrecision::i16) {
    cpu::gemm_i16(m, n, k, {a.data<float>(), k}, {w.data<float>(), k, true}, out, n, false,
                  cpu::I16Group::fast);
  } else if (type == MatmulPrecision::i8) {
    cpu::gemm_i8(m, n, k, {a.data<float>(), k}, {w.data<float>(), k, true}, out, n, false);
  } else {
    cpu::gemm_f32(m, n, k, {a.data<float>(), k}, {w.data<float>(), k, true}, out, n, false);
  }
}

Tensor normal_matrix(std::int64_t rows, std::int64_t width) {
  RandomStream stream(1234, "bench-device");
  std::vector<float> values(static_cast<std::size_t>(rows * width));
  for (float& value : values) value = static_cast<float>(stream.next_normal());
  return Tensor::from(std::span<const float>(values), {rows, width});
}

std::uint64_t default_buffer(const CacheSizes& caches) {
  return std::clamp(8 * caches.last(), 256 * kMebibyte, 1024 * kMebibyte);
}

}  // namespace

double DeviceBench::best_gemm(MatmulPrecision type) const {
  double best = type == MatmulPrecision::bf16 ? tile_peak.high : 0;
  for (const GemmRate& one : gemm) {
    if (one.type == name_of(type)) best = std::max(best, one.rate.high);
  }
  return best;
}

double DeviceBench::best_integer() const {
  double best = integer_peak.rate.high;
  for (const GemmRate& one : integer) best = std::max(best, one.rate.high);
  return best;
}

double DeviceBench::best_passage() const {
  double best = tile_peak.high;
  for (const GemmRate& one : passages) best = std::max(best, one.rate.high);
  return best;
}

std::vector<MatmulPrecision> gemm_types() {
  std::vector<MatmulPrecision> types = {MatmulPrecision::f32};
  if (cpu_multiplies_bf16()) types.push_back(MatmulPrecision::bf16);
  if (cpu_multiplies_integers()) {
    types.insert(types.end(), {MatmulPrecision::i16, MatmulPrecision::i8});
  }
  return types;
}

Spread measure_gemm(MatmulPrecision type, std::int64_t m, std::int64_t n, std::int64_t k,
                    int repeat) {
  const bool stored = type == MatmulPrecision::bf16 && !cpu::has_amx();
  const DType dtype = stored ? DType::bf16 : DType::f32;
  Tensor a = Tensor::empty({m, k}, dtype), w = Tensor::empty({n, k}, dtype);
  Tensor c = Tensor::zeros({m, n});
  fill(a);
  fill(w);
  const double operations =
      2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  return measure_rate(repeat, [&] {
    multiply(type, a, w, c);
    return operations;
  });
}

bool answers_multiply_integers(DType weight) {
  const auto rounds_for = backend(Tensor::scalar(0)).rounds_for;
  return matmul_precision_is_automatic() && rounds_for != nullptr && rounds_for(weight);
}

Spread measure_rounded_product(Rounding rounding, DType weight, std::int64_t m, std::int64_t n,
                               std::int64_t k, int repeat) {
  const Tensor x = normal_matrix(m, k), w = quantize(normal_matrix(n, k), weight);
  const RoundActivations rounded(rounding);
  const double operations =
      2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  return measure_rate(repeat, [&] {
    linear(x, w);
    return operations;
  });
}

DeviceBench bench_device(const DeviceBenchOptions& options, ProgressSink& progress) {
  DeviceBench bench;
  bench.processor = processor();
  bench.caches = cache_sizes();
  bench.system = system_name();
  bench.threads = thread_count();
  const std::uint64_t bytes = options.buffer > 0 ? options.buffer : default_buffer(bench.caches);
  std::vector<int> thread_counts = {1};
  if (bench.threads > 1) thread_counts.push_back(bench.threads);
  const std::vector<MatmulPrecision> types = gemm_types();
  const bool integers = answers_multiply_integers(kIntegerWeight);
  const bool tiles = integers && cpu::has_amx();
  const std::size_t rates = thread_counts.size() + types.size() * kShapes.size() +
                            (integers ? kIntegerRows.size() + 1 : 0) + (tiles ? 2 : 0);
  ProgressPhase phase(progress, "Measuring the machine", static_cast<double>(rates), "rates");
  double done = 0;
  for (const int threads : thread_counts) {
    bench.memory.push_back({threads, bytes, measure_memory_read(bytes, threads, options.repeat)});
    phase.advance(++done);
    stop_if_interrupted();
  }
  for (const MatmulPrecision type : types) {
    for (const GemmShape& shape : kShapes) {
      bench.gemm.push_back({std::string(name_of(type)), shape.m, shape.n, shape.k,
                            measure_gemm(type, shape.m, shape.n, shape.k, options.repeat)});
      phase.advance(++done);
      stop_if_interrupted();
    }
  }
  if (integers) {
    for (const std::int64_t rows : kIntegerRows) {
      bench.integer.push_back(
          {std::string(info(kIntegerWeight).name), rows, kIntegerOutputs, kIntegerWidth,
           measure_rounded_product(Rounding::rows, kIntegerWeight, rows, kIntegerOutputs,
                                   kIntegerWidth, options.repeat)});
      phase.advance(++done);
      stop_if_interrupted();
    }
    bench.integer_peak = measure_integer_peak(bench.threads, options.repeat);
    phase.advance(++done);
  }
  if (tiles) {
    const std::int64_t rows = kIntegerRows.back();
    bench.passages.push_back(
        {std::string(info(kIntegerWeight).name), rows, kIntegerOutputs, kIntegerWidth,
         measure_rounded_product(Rounding::passage, kIntegerWeight, rows, kIntegerOutputs,
                                 kIntegerWidth, options.repeat)});
    phase.advance(++done);
    bench.tile_peak = measure_tile_peak(bench.threads, options.repeat);
    phase.advance(++done);
  }
  release_cached_tensor_memory();  // what comes next is measured too
  return bench;
}

Json spread_json(const Spread& spread) {
  return {{"median", spread.median},
          {"low", spread.low},
          {"high", spread.high},
          {"count", spread.count}};
}

std::string machine_line(const DeviceBench& bench) {
  std::string features;
  for (const std::string& feature : bench.processor.features) features += " " + feature;
  return fmt::format("{}, {} thread{},{}", bench.processor.model, bench.threads,
                     bench.threads == 1 ? "" : "s", features.empty() ? " no AVX2" : features);
}

namespace {

Json products_json(const std::vector<GemmRate>& rates) {
  Json rows = Json::array();
  for (const GemmRate& one : rates) {
    rows.push_back({{"dtype", one.type},
                    {"m", one.m},
                    {"n", one.n},
                    {"k", one.k},
                    {"operations_per_second", spread_json(one.rate)}});
  }
  return rows;
}

}  // namespace

Json device_bench_json(const DeviceBench& bench) {
  Json memory = Json::array();
  for (const MemoryRate& one : bench.memory) {
    memory.push_back({{"threads", one.threads},
                      {"buffer_bytes", one.bytes},
                      {"bytes_per_second", spread_json(one.rate)}});
  }
  return {{"processor", bench.processor.model},
          {"features", bench.processor.features},
          {"processors", bench.processor.count},
          {"threads", bench.threads},
          {"system", bench.system},
          {"cache_bytes",
           {{"level1_data", bench.caches.level1_data},
            {"level2", bench.caches.level2},
            {"level3", bench.caches.level3}}},
          {"memory_read", memory},
          {"gemm", products_json(bench.gemm)},
          {"integer_products", products_json(bench.integer)},
          {"integer_peak",
           {{"instructions", bench.integer_peak.instructions},
            {"operations_per_second", spread_json(bench.integer_peak.rate)}}},
          {"passage_products", products_json(bench.passages)},
          {"tile_peak", {{"operations_per_second", spread_json(bench.tile_peak)}}}};
}

}  // namespace bantam
