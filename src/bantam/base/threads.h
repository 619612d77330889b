// Loops over several threads: one team for the process (thread_team.h).
#pragma once

#include <cstdint>

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

}  // namespace bantam

#include "bantam/base/threads_inl.h"
