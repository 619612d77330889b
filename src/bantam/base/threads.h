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

/// Memory that a thread will read soon. Only a hint: memory that is no longer there does no harm.
struct ReadAhead {
  const void* at = nullptr;
  std::int64_t bytes = 0;
};

/// The same; after the loop, thread i brings next[i] into its cache as long as it has nothing else
/// to do. Thread 0, the caller, always has.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body,
                  std::span<const ReadAhead> next);

/// The chunk of [0, chunks) that a thread begins with.
std::int64_t first_chunk_of(int thread, std::int64_t chunks);

}  // namespace bantam

#include "bantam/base/threads_inl.h"
