#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bantam/recipe/bench/memory_read.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, as Highway asks.
#include <hwy/highway.h>

#include "bantam/recipe/bench/memory_read.h"

HWY_BEFORE_NAMESPACE();
namespace bantam::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// `count` is a multiple of 64. Eight sums, so that loads and not additions are what it waits for.
std::uint64_t fold(const std::uint64_t* values, std::int64_t count) {
  constexpr int kSums = 8;
  const hn::CappedTag<std::uint64_t, 8> d;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::CappedTag<std::uint64_t, 8>()));
  hn::Vec<decltype(d)> sums[kSums];
  for (auto& sum : sums) sum = hn::Zero(d);
  for (std::int64_t i = 0; i < count; i += kSums * kLanes) {
    for (int s = 0; s < kSums; ++s) {
      sums[s] = hn::Xor(sums[s], hn::Load(d, values + i + s * kLanes));
    }
  }
  for (int s = 1; s < kSums; ++s) sums[0] = hn::Xor(sums[0], sums[s]);
  HWY_ALIGN std::uint64_t lanes[kLanes];
  hn::Store(sums[0], d, lanes);
  std::uint64_t all = 0;
  for (const std::uint64_t lane : lanes) all ^= lane;
  return all;
}

}  // namespace bantam::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "bantam/base/threads.h"
#include "bantam/tensor/tensor.h"

namespace bantam {
namespace {

HWY_EXPORT(fold);

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kStep = 64;  // elements: what fold() asks for
// One sample reads for at least this long, in whole passes.
constexpr double kSampleSeconds = 0.05;

class SetThreads {
 public:
  explicit SetThreads(int count) : before_(thread_count()) { set_thread_count(count); }
  ~SetThreads() { set_thread_count(before_); }
  SetThreads(const SetThreads&) = delete;
  SetThreads& operator=(const SetThreads&) = delete;

 private:
  int before_;
};

}  // namespace

Spread measure_memory_read(std::uint64_t bytes, int threads, int repeat) {
  const SetThreads set(threads);
  const std::int64_t part =
      std::max<std::int64_t>(static_cast<std::int64_t>(bytes / sizeof(std::uint64_t)) / threads, 1);
  const std::int64_t grain = (part + kStep - 1) / kStep * kStep;
  Tensor buffer = Tensor::zeros({grain * threads, 2}, DType::f32);  // 8 bytes a row
  const auto* values = reinterpret_cast<const std::uint64_t*>(buffer.bytes());
  std::atomic<std::uint64_t> sink{0};
  const auto pass = [&] {
    parallel_for(grain * threads, grain, [&](std::int64_t begin, std::int64_t end) {
      sink ^= HWY_DYNAMIC_DISPATCH(fold)(values + begin, end - begin);
    });
  };
  pass();
  std::vector<double> rates;
  for (int i = 0; i < repeat; ++i) {
    const Clock::time_point start = Clock::now();
    double seconds = 0;
    std::int64_t passes = 0;
    do {
      pass();
      ++passes;
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
    } while (seconds < kSampleSeconds);
    rates.push_back(static_cast<double>(buffer.byte_size()) * static_cast<double>(passes) /
                    seconds);
  }
  return spread_of(std::move(rates));
}

}  // namespace bantam
#endif
