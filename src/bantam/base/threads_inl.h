// The template half of threads.h: splits the range.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>

namespace bantam {

namespace threads_detail {
/// run(body, 0 … chunks-1), on the team.
void run_chunks(std::int64_t chunks, void (*run)(void*, std::int64_t), void* body,
                std::span<const ReadAhead> next);
}  // namespace threads_detail

template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body,
                  std::span<const ReadAhead> next) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  using Bare = std::remove_reference_t<Body>;
  struct Range {
    std::int64_t count, grain;
    Bare& body;
  } range{count, grain, body};
  threads_detail::run_chunks((count - 1) / grain + 1,
                             [](void* opaque, std::int64_t chunk) {
                               const Range& r = *static_cast<Range*>(opaque);
                               const std::int64_t begin = chunk * r.grain;
                               r.body(begin, begin + std::min(r.grain, r.count - begin));
                             },
                             &range, next);
}

template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
  parallel_for(count, grain, std::forward<Body>(body), {});
}

}  // namespace bantam
