#include "bantam/recipe/bench/device_bench.h"

#include <gtest/gtest.h>

#include "bantam/base/error.h"
#include "bantam/base/process_memory.h"
#include "bantam/base/threads.h"
#include "bantam/recipe/bench/memory_read.h"
#include "bantam/tensor/cpu/amx.h"

namespace bantam {
namespace {

TEST(SpreadTest, IsTheMedianBetweenLeastAndLargest) {
  const Spread spread = spread_of({4, 1, 2});
  EXPECT_EQ(spread.median, 2);
  EXPECT_EQ(spread.low, 1);
  EXPECT_EQ(spread.high, 4);
  EXPECT_EQ(spread.count, 3);
  EXPECT_DOUBLE_EQ(spread.relative(), 1.5);
  EXPECT_THROW(spread_of({}), Error);
}

TEST(DeviceBenchTest, MeasuresMemoryAtOneAndAllThreadsAndEveryProductType) {
  const DeviceBench bench = bench_device({.repeat = 1, .buffer = std::uint64_t{1} << 20});
  EXPECT_EQ(bench.threads, thread_count());
  ASSERT_EQ(bench.memory.size(), thread_count() > 1 ? 2U : 1U);
  EXPECT_EQ(bench.memory.front().threads, 1);
  EXPECT_EQ(bench.memory.back().threads, bench.threads);
  EXPECT_GT(bench.best_memory_read(), 0);
  for (const MatmulPrecision type : gemm_types()) {
    EXPECT_GT(bench.best_gemm(type), 0) << name_of(type);
  }
  EXPECT_EQ(bench.best_gemm(MatmulPrecision::automatic), 0) << "not a type of products";
  const Json json = device_bench_json(bench);
  EXPECT_EQ(json["gemm"].size(), bench.gemm.size());
  EXPECT_EQ(json["memory_read"][0]["bytes_per_second"]["count"], 1);
}

TEST(DeviceBenchTest, IntegerProductsStayBelowTheirBound) {
  if (!answers_multiply_integers(DType::q4_1)) GTEST_SKIP() << "this CPU answers in f32";
  const DeviceBench bench = bench_device({.repeat = 1, .buffer = std::uint64_t{1} << 20});
  ASSERT_EQ(bench.integer.size(), 3U);
  for (const GemmRate& one : bench.integer) {
    EXPECT_GT(one.rate.median, 0) << one.m;
    EXPECT_LE(one.rate.median, bench.best_integer()) << one.m;
  }
  const Json json = device_bench_json(bench);
  EXPECT_EQ(json["integer_products"][2]["m"], 512);
  EXPECT_EQ(json["integer_peak"]["instructions"], bench.integer_peak.instructions);
}

TEST(DeviceBenchTest, PassagesStayBelowTheRateOfTilesWhereThereAreSome) {
  const DeviceBench bench = bench_device({.repeat = 1, .buffer = std::uint64_t{1} << 20});
  const bool tiles = answers_multiply_integers(DType::q4_1) && cpu::has_amx();
  ASSERT_EQ(bench.passages.size(), tiles ? 1U : 0U);
  EXPECT_EQ(bench.tile_peak.median > 0, tiles);
  EXPECT_EQ(bench.best_passage() > 0, tiles);
  for (const GemmRate& one : bench.passages) {
    EXPECT_GT(one.rate.median, 0);
    EXPECT_LE(one.rate.median, bench.best_passage());
  }
  EXPECT_EQ(device_bench_json(bench)["passage_products"].size(), bench.passages.size());
}

TEST(IntegerPeakTest, IsARateWhereTheCpuHasTheInstructions) {
  const IntegerPeak peak = measure_integer_peak(1, 2);
  EXPECT_EQ(peak.rate.count, peak.instructions.empty() ? 0 : 2);
  EXPECT_EQ(peak.rate.median > 0, !peak.instructions.empty());
}

TEST(MemoryReadTest, AnyNumberOfBytesIsReadAndTheThreadCountComesBack) {
  const int before = thread_count();
  EXPECT_GT(measure_memory_read(1, 1, 1).median, 0);
  EXPECT_GT(measure_memory_read(100'003, 3, 2).median, 0);
  EXPECT_EQ(thread_count(), before);
}

TEST(ProcessMemoryTest, ThePeakIsAtLeastWhatIsResident) {
  EXPECT_GT(resident_process_memory(), std::uint64_t{1} << 20);
  reset_peak_process_memory();
  EXPECT_GE(peak_process_memory() + (std::uint64_t{1} << 22), resident_process_memory());
}

}  // namespace
}  // namespace bantam
