// Loops over several threads: one team for the process (thread_team.h).
#pragma once

#include <cstdint>
#include <span>

namespace bantam {

/// 0 means "as many as this process may use". Throws Error(resources) outside 0 … 1024.
void set_thread_count(int count);
int thread_count();

/// Calls body(begin, end) over chunks of `grain` items of [0, count). The chunks do not depend on
/// the number of threads, so a reduction that keeps one partial result per chunk gives the same
/// bits at any thread count. An exception thrown by a body is rethrown to the caller after all
/// chunks ended. Nested calls run on the calling thread, and so
/// does a call while another thread has the team.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body);

/// Memory that a thread will read soon, in this order, up to the first part of no bytes. Only a
/// hint: memory that is no longer there does no harm.
struct ReadAhead {
  static constexpr int kParts = 4;  ///< a list fills a cache line
  struct Part {
    const void* at;
    std::int64_t bytes;
  };
  Part parts[kParts];
};

/// The same; after the loop, helper i, which is thread i + 1, brings next[i] into its cache as long
/// as it has nothing else to do. The caller, thread 0, always has.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body,
                  std::span<const ReadAhead> next);

/// The shares of equal size that a loop of enough chunks is cut in: thread i takes the chunks of
/// share i in order, or of share i % loop_shares(), then what is left of the others.
int loop_shares();

}  // namespace bantam

#include "bantam/base/threads_inl.h"
