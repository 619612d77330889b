// The order in which weights are read: a model reads them alike for every token, so what followed a
// weight the last time tells a thread that waits what to bring near. While one thread computes what
// lies between two products, the others would leave memory idle.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "bantam/base/threads.h"

namespace bantam::cpu {

/// What was read after a weight, where each thread began. Threads may learn and ask at once; what
/// is out of date costs a few reads.
class ReadNext {
 public:
  static constexpr int kThreads = 16;  ///< those above get no hint

  void learn(std::span<const ReadAhead> by_thread);
  std::array<ReadAhead, kThreads> by_thread() const;

 private:
  // Begins end with the first of no bytes. Weights stream through the caches, so that each line
  // that is touched here comes from memory: two threads touch one, and write it only when it
  // changes.
  struct Begin {
    std::atomic<const void*> at = nullptr;
    std::atomic<std::int64_t> bytes = 0;
  };
  std::array<Begin, kThreads> begins_;
};

}  // namespace bantam::cpu
