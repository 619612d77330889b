// Which tensors go together when a model is written in several files.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace bantam {

/// Ends of runs of `count` tensors in order, each run as long as `limit` bytes allow, or one tensor
/// that is larger. At least one run.
inline std::vector<std::size_t> shard_ends(
    std::size_t count, const std::function<std::uint64_t(std::size_t)>& bytes_of,
    std::uint64_t limit) {
  std::vector<std::size_t> ends;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bytes = bytes_of(i);
    if (size > 0 && size + bytes > limit) {
      ends.push_back(i);
      size = 0;
    }
    size += bytes;
  }
  ends.push_back(count);
  return ends;
}

}  // namespace bantam
