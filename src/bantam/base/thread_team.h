// The threads that help with loops: they sleep when nobody has work for long, and a loop never
// waits for one that has not begun to help.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "bantam/base/threads.h"

namespace bantam::threads_detail {

/// Hands out the chunks of a loop. A thread takes the chunks of its own share in order, so that it
/// reads memory in order, and then helps with those of the others. More threads than kMost begin in
/// one share by twos or more.
class Shares {
 public:
  static constexpr int kMost = 16;

  Shares(std::int64_t chunks, int threads);

  template <class Run>
  void take_all(int thread, const Run& run) {
    for (int i = 0; i < count_; ++i) {
      Share& share = shares_[(thread + i) % count_];
      while (share.next.load(std::memory_order_relaxed) < share.end) {
        const std::int64_t chunk = share.next.fetch_add(1, std::memory_order_relaxed);
        if (chunk < share.end) run(chunk);
      }
    }
  }

 private:
  struct alignas(64) Share {  // a cache line of its own
    std::atomic<std::int64_t> next;
    std::int64_t end;
  };
  int count_;
  Share shares_[kMost];
};

/// A loop in progress. help() is called by several threads at once and does not throw.
struct Loop {
  int threads;  ///< that may take part, the caller included
  void (*help)(const void* self, int thread);
  const void* self;
  std::span<const ReadAhead> next;  ///< by helper; may be short or empty
};

/// One for the whole process; of several callers at the same time one has it, the others work
/// alone. Waiting takes three steps: pauses for some microseconds, which is how long the next loop
/// of a forward pass takes to come; then giving the processor to whoever wants it; then sleep.
class ThreadTeam {
 public:
  static ThreadTeam& instance();

  /// Runs the loop on the caller and on helpers. False when another caller has the team; nothing
  /// ran.
  bool run(const Loop& loop);

 private:
  void hire(int helpers);
  void help_forever(int number);
  std::uint32_t wait_for_call(std::uint32_t last, const ReadAhead& next) const;

  std::mutex owner_;  ///< held by the caller whose loop it is
  int helpers_ = 0;
  alignas(64) std::atomic<std::uint32_t> calls_{0};  ///< helpers wait for it to change
  std::atomic<const Loop*> loop_{nullptr};
  alignas(64) std::atomic<std::int32_t> inside_{0};  ///< helpers that may hold a pointer to a loop
};

}  // namespace bantam::threads_detail
