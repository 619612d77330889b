#include "bantam/base/threads.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <exception>
#include <mutex>
#include <string>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/base/thread_team.h"

namespace bantam {

namespace {

constexpr int kMostThreads = 1024;

// A container may be given less processor time than it has processors ("150000 100000" means one
// and a half); more threads than that only wait for each other.
int allowed_by_cgroup() {
  try {
    const std::string text = read_file("/sys/fs/cgroup/cpu.max", 4096);
    double quota = 0, period = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, quota);
    if (first.ec != std::errc{} || first.ptr == end) return kMostThreads;
    const auto second = std::from_chars(first.ptr + 1, end, period);
    if (second.ec != std::errc{} || period <= 0) return kMostThreads;
    return std::max(1, static_cast<int>(std::ceil(quota / period)));
  } catch (const Error&) {
    return kMostThreads;
  }
}

int usable_threads() { return std::clamp(omp_get_num_procs(), 1, allowed_by_cgroup()); }

// 0 until someone asks or chooses: OMP_NUM_THREADS counts only as the first default.
std::atomic<int> chosen{0};

// Set on threads that are inside a loop: a loop within it runs where it is.
thread_local bool inside_loop = false;

}  // namespace

void set_thread_count(int count) {
  if (count < 0 || count > kMostThreads) {
    throw resource_error("threads: {} asked for, this machine runs {} at once; expected 1 to {}",
                         count, usable_threads(), kMostThreads);
  }
  if (count == 0) count = usable_threads();
  chosen = count;
}

int thread_count() {
  int count = chosen;
  if (count == 0) {
    count = std::min(omp_get_max_threads(), std::max(usable_threads(), 1));
    chosen = count;
  }
  return count;
}

int loop_shares() { return std::min(thread_count(), threads_detail::Shares::kMost); }

namespace threads_detail {

void run_chunks(std::int64_t chunks, void (*run)(void*, std::int64_t), void* body,
                std::span<const ReadAhead> next) {
  std::mutex mutex;
  std::exception_ptr failure;
  std::int64_t failed_chunk = chunks;
  // The failure of the lowest chunk is the one reported, whatever order the chunks ran in.
  const auto guarded = [&](std::int64_t chunk) noexcept {
    try {
      run(body, chunk);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (chunk < failed_chunk) failed_chunk = chunk, failure = std::current_exception();
    }
  };
  const auto run_here = [&] {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) guarded(chunk);
  };
  const int threads = static_cast<int>(std::min<std::int64_t>(thread_count(), chunks));
  if (threads <= 1 || inside_loop) {
    run_here();
  } else {
    Shares shares(chunks, threads);
    const auto take = [&](int thread) {
      inside_loop = true;
      shares.take_all(thread, guarded);
      inside_loop = false;
    };
    using Take = decltype(take);
    const Loop loop{threads,
                    [](const void* self, int thread) { (*static_cast<const Take*>(self))(thread); },
                    &take, next};
    if (!ThreadTeam::instance().run(loop)) run_here();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace threads_detail

}  // namespace bantam
