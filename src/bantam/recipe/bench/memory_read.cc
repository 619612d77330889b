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

#include "bantam/base/threads.h"
#include "bantam/recipe/bench/rate.h"
#include "bantam/tensor/tensor.h"

namespace bantam {
namespace {

HWY_EXPORT(fold);

constexpr std::int64_t kStep = 64;  // elements: what fold() asks for
// A thread reads its part so often that starting and awaiting the threads counts for nothing.
constexpr std::uint64_t kBytesAtATime = std::uint64_t{32} << 20;

}  // namespace

Spread measure_memory_read(std::uint64_t bytes, int threads, int repeat) {
  const ThreadCount set(threads);
  const std::int64_t part =
      std::max<std::int64_t>(static_cast<std::int64_t>(bytes / sizeof(std::uint64_t)) / threads, 1);
  const std::int64_t grain = (part + kStep - 1) / kStep * kStep;
  Tensor buffer = Tensor::zeros({grain * threads, 2}, DType::f32);  // 8 bytes a row
  const auto* values = reinterpret_cast<const std::uint64_t*>(buffer.bytes());
  const std::uint64_t passes = std::max<std::uint64_t>(kBytesAtATime / buffer.byte_size(), 1);
  std::atomic<std::uint64_t> sink{0};
  return measure_rate(repeat, [&] {
    parallel_for(grain * threads, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::uint64_t pass = 0; pass < passes; ++pass) {
        sink ^= HWY_DYNAMIC_DISPATCH(fold)(values + begin, end - begin);
      }
    });
    return static_cast<double>(passes * buffer.byte_size());
  });
}

}  // namespace bantam
#endif
